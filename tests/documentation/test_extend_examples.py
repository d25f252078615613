"""The Python of ``docs/extend.md`` runs as printed, one block after the other."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import ErnieConfig, ErnieModel

from pkd.distillation.losses import LossInputs, LossWeights
from pkd.models.classifier import load_classifier, save_model
from pkd.models.families import FAMILIES
from pkd.tasks.glue import GLUE
from tests.documentation.documents import example
from tests.support.training import tiny

SIZES = {"max_position_embeddings": 128}


@pytest.fixture
def place(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the files that the examples name."""
    (tmp_path / "data").symlink_to(data)
    tiny.write_bert(tmp_path / "bert", **SIZES)
    model = load_classifier(tmp_path / "bert", GLUE["rte"].labels)
    save_model(model, tmp_path / "bert", tmp_path / "teacher")
    sizes = {"hidden_size": 24, "num_attention_heads": 2, "intermediate_size": 32}
    config = ErnieConfig(vocab_size=len(tiny.VOCABULARY), num_hidden_layers=4, **sizes, **SIZES)
    ErnieModel(config).save_pretrained(tmp_path / "ernie")
    tiny.write_tokenizer(tmp_path / "ernie")
    monkeypatch.setattr("pkd.models.families.FAMILIES", dict(FAMILIES))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_examples_train(place: Path) -> None:
    names: dict[str, Any] = {}
    for each in ("own-loop", "new-loss", "new-map", "new-family"):
        exec(compile(example(each), each, "exec"), names)
    assert all(0 <= names[score] <= 1 for score in ("score", "cosine", "lowest", "other"))

    # Orthogonal states are 1 apart, opposite ones 2, whatever their lengths.
    student, teacher = (
        torch.tensor([[[3.0, 0.0], [1.0, 0.0]]]),
        torch.tensor([[[0.0, 1], [-2, 0]]]),
    )
    logits, labels = torch.zeros(1, 2), torch.tensor([0])
    weights = LossWeights(alpha=0.0, beta=10.0)
    inputs = LossInputs(weights, logits, labels, None, student, teacher)
    terms = names["cosine_patience"](inputs)
    assert terms.patience == pytest.approx(1.5)
    assert terms.total == pytest.approx(float(torch.tensor(2.0).log()) + 15)

    assert names["first"](12, 3) == (1, 2)
    lowest = names["recipe"].model_copy(update={"layer_map": names["first"](4, 3)})
    training = names["TrainingRun"](lowest, names["files"])
    assert training.loop.objective.teacher_map == (1, 2)
