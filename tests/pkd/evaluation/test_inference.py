"""Predictions: their order, their precision, and the files that hold them."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from pkd.data.preparation import Prepared
from pkd.data.tokens import open_tokens
from pkd.errors import TrainingError
from pkd.evaluation.inference import predict_logits, write_predictions
from pkd.models.classifier import load_classifier
from pkd.tasks.glue import GLUE

CPU = torch.device("cpu")


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_predictions_equal_those_of_each_row_alone(
    prepared: Prepared, teacher: Path, batch_size: int
) -> None:
    tokens = open_tokens(prepared.tokens["validation"])
    model = load_classifier(teacher, GLUE["rte"].labels).train()
    found = predict_logits(model, tokens, CPU, "fp32", batch_size)
    assert model.training
    model.eval()
    with torch.inference_mode():
        alone = [model(**tokens.batch(np.array([row]))).logits[0].numpy() for row in range(12)]
    assert found.shape == (12, 2) and found.dtype == np.float32
    np.testing.assert_allclose(found, np.stack(alone), rtol=1e-4, atol=1e-5)
    # The rows differ by more than that, so that a wrong order is seen.
    assert np.diff(np.sort(found[:, 0])).max() > 1e-3


def test_predicting_leaves_an_evaluating_model_in_its_mode(
    prepared: Prepared, teacher: Path
) -> None:
    model = load_classifier(teacher, GLUE["rte"].labels).eval()
    predict_logits(model, open_tokens(prepared.tokens["validation"]), CPU, "fp32")
    assert not model.training


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_not_finite_stop_the_trial(
    prepared: Prepared, teacher: Path, value: float
) -> None:
    model = load_classifier(teacher, GLUE["rte"].labels)
    torch.nn.init.constant_(model.classifier.bias, value)
    with pytest.raises(TrainingError, match="not finite"):
        predict_logits(model, open_tokens(prepared.tokens["validation"]), CPU, "fp32")


MADE_FROM = {"tokens": "0123456789abcdef", "model": "fedcba9876543210"}


def test_predictions_are_written_with_ids_labels_and_named_logits(tmp_path: Path) -> None:
    logits = np.array([[0.5, 1.5], [2.0, -1.0]], dtype=np.float32)
    path = tmp_path / "new" / "validation.parquet"
    write_predictions(path, GLUE["rte"], np.array([100, 7]), logits, np.array([0, 0]), MADE_FROM)
    assert json.loads(pq.read_schema(path).metadata[b"pkd-study"]) == MADE_FROM
    assert pq.read_table(path).to_pydict() == {
        "idx": [100, 7],
        "label": [0, 0],
        "prediction": [1, 0],
        "logit_entailment": [0.5, 2.0],
        "logit_not_entailment": [1.5, -1.0],
    }
    assert [each.name for each in path.parent.iterdir()] == ["validation.parquet"]


def test_predictions_of_a_test_split_have_no_label(tmp_path: Path) -> None:
    path = tmp_path / "test.parquet"
    write_predictions(
        path, GLUE["cola"], np.array([0]), np.eye(2, dtype=np.float32)[[1]], None, {}
    )
    assert pq.read_table(path).column_names == [
        "idx", "prediction", "logit_unacceptable", "logit_acceptable",
    ]  # fmt: skip
