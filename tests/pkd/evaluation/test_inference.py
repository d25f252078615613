"""Predictions in the order of the rows, and scores worked by hand."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from pkd.data.preparation import Prepared
from pkd.data.tokens import open_tokens
from pkd.errors import TrainingError
from pkd.evaluation.inference import predict_logits, write_predictions
from pkd.evaluation.metrics import cross_entropy, score, selection_score
from pkd.models.classifier import load_classifier
from pkd.tasks.glue import GLUE

CPU = torch.device("cpu")


def logits_for(predicted: list[int], classes: int = 2) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[predicted]


def test_scores_have_the_values_worked_by_hand() -> None:
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 1])
    # 3 true positives, 1 false negative, 1 false positive, 3 true negatives.
    logits = logits_for([1, 1, 0, 0, 0, 0, 1, 1])
    found = score(("accuracy", "f1", "mcc"), logits, labels)
    # F1 = 2·3 / (2·3 + 1 + 1); MCC = (3·3 - 1·1) / sqrt(4·4·4·4).
    assert found == pytest.approx({"accuracy": 0.75, "f1": 0.75, "mcc": 0.5})


def test_f1_is_that_of_label_1() -> None:
    # Label 1: TP 1, FN 1, FP 0, so 2/3; label 0: TP 2, FP 1, FN 0, so 4/5.
    found = score(("f1",), logits_for([1, 0, 0, 0]), np.array([1, 1, 0, 0]))
    assert found == {"f1": pytest.approx(2 / 3)}


def test_a_model_that_says_one_label_only_scores_zero_in_f1_and_mcc() -> None:
    found = score(("f1", "mcc", "accuracy"), logits_for([0, 0, 0, 0]), np.array([1, 0, 0, 0]))
    assert found == {"f1": 0.0, "mcc": 0.0, "accuracy": 0.75}


def test_f1_of_named_labels_and_their_mean_have_the_values_worked_by_hand() -> None:
    # billing: TP 2, FN 1, FP 1, so 4/6; bug: TP 1, FP 2, so 2/4; other: FN 2, never right, so 0.
    labels, predicted = np.array([0, 0, 0, 1, 2, 2]), [0, 0, 1, 1, 1, 0]
    metrics = ("f1:billing", "f1:bug", "f1:other", "macro_f1")
    found = score(metrics, logits_for(predicted, 3), labels, ("billing", "bug", "other"))
    values = [2 / 3, 1 / 2, 0, 7 / 18]
    assert found == pytest.approx(dict(zip(metrics, values, strict=True)))


def test_macro_f1_leaves_out_a_label_that_occurs_nowhere() -> None:
    found = score(("macro_f1",), logits_for([0, 0, 1], 4), np.array([0, 1, 1]))
    assert found == {"macro_f1": pytest.approx(2 / 3)}  # both have 2/3


def test_accuracy_takes_three_classes() -> None:
    assert score(("accuracy",), logits_for([0, 1, 2, 2], 3), np.array([0, 1, 2, 0])) == {
        "accuracy": 0.75
    }


def test_cross_entropy_has_the_value_worked_by_hand() -> None:
    # Odds 3 : 1 for the right label, then for the wrong one.
    logits = np.array([[np.log(3), 0], [np.log(3), 0]], dtype=np.float32)
    expected = (np.log(4 / 3) + np.log(4)) / 2
    assert cross_entropy(logits, np.array([0, 1])) == pytest.approx(expected, rel=1e-6)


def test_the_selection_score_is_the_mean_on_the_first_dev_split() -> None:
    metrics = {
        "validation_mismatched": {"accuracy": 0.9},
        "validation_matched": {"accuracy": 0.5},
    }
    assert selection_score(GLUE["mnli"], metrics) == 0.5
    mrpc = {"validation": {"f1": 0.75, "accuracy": 0.5}}
    assert selection_score(GLUE["mrpc"], mrpc) == 0.625


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


def test_predictions_are_written_with_ids_labels_and_named_logits(tmp_path: Path) -> None:
    logits = np.array([[0.5, 1.5], [2.0, -1.0]], dtype=np.float32)
    path = tmp_path / "new" / "validation.parquet"
    write_predictions(path, GLUE["rte"], np.array([100, 7]), logits, np.array([0, 0]))
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
    write_predictions(path, GLUE["cola"], np.array([0]), logits_for([1]), None)
    assert pq.read_table(path).column_names == [
        "idx", "prediction", "logit_unacceptable", "logit_acceptable",
    ]  # fmt: skip
