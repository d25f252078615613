"""What an earlier task has left in a model's configuration, and how it is reset."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    BertConfig,
    pipeline,
)

from pkd import load_classifier_folder
from pkd.errors import InputError
from pkd.models.classifier import load_classifier, save_model
from pkd.models.task_settings import bind_to_task, label_names, refuse_other_kinds
from tests.support.training.family_encoders import write_encoder

TEXTS = ["the cat sees a dog", "one bird", "two small fish and the old stone house"]
KINDS = [None, "single_label_classification", "multi_label_classification", "regression"]
IMPOSSIBLE = ("single_label_classification", 1)  # transformers itself refuses it


def earlier_classifier(family: str, folder: Path, labels: int, **keys: Any) -> Path:
    """Writes an encoder that was fine-tuned for a task with some number of outputs."""
    encoder = write_encoder(family, folder / "encoder")
    config = AutoConfig.from_pretrained(encoder, num_labels=labels)
    torch.manual_seed(3)
    model = AutoModelForSequenceClassification.from_pretrained(encoder, config=config)
    model.save_pretrained(folder / "start")
    for path in encoder.glob("*token*"):
        shutil.copy(path, folder / "start")
    settings = folder / "start" / "config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | keys))
    return folder / "start"


@pytest.mark.parametrize(
    ("kind", "earlier"),
    [(kind, count) for kind in KINDS for count in (1, 2, 3, 5) if (kind, count) != IMPOSSIBLE],
)
def test_a_pipeline_gives_the_probability_that_predict_gives(
    kind: str | None, earlier: int, tmp_path: Path
) -> None:
    start = earlier_classifier("bert", tmp_path, earlier, problem_type=kind)
    same_as_predict(start, ("bad", "good", "so so"), tmp_path / "student")


@pytest.mark.parametrize("family", ["roberta", "distilbert", "gpt2", "xlnet", "modernbert"])
def test_a_pipeline_agrees_with_predict_in_other_families(family: str, tmp_path: Path) -> None:
    start = earlier_classifier(family, tmp_path, 2, problem_type="multi_label_classification")
    same_as_predict(start, ("bad", "good"), tmp_path / "student")


@pytest.mark.parametrize(
    "keys",
    [
        {"return_dict": False},
        {"output_hidden_states": True, "output_attentions": True},
        {"finetuning_task": "mnli", "function_to_apply": "sigmoid"},
        {"task_specific_params": {"text-classification": {"problem_type": "regression"}}},
        {"torchscript": True, "sbert_ce_default_activation_function": "torch.nn.Sigmoid"},
    ],
    ids=str,
)
def test_other_keys_of_the_earlier_task_are_gone(keys: dict[str, Any], tmp_path: Path) -> None:
    start = earlier_classifier("bert", tmp_path, 3, **keys)
    same_as_predict(start, ("bad", "good"), tmp_path / "student")
    saved = json.loads((tmp_path / "student" / "config.json").read_text())
    assert not {key for key, value in keys.items() if saved.get(key) == value}


def same_as_predict(start: Path, labels: tuple[str, ...], student: Path) -> None:
    save_model(load_classifier(start, labels, 2, seed=1), start, student)
    expected = load_classifier_folder(student).label([TEXTS], None, "fp32")
    classify = pipeline("text-classification", str(student), top_k=None)
    for scores, row in zip(classify(TEXTS), expected, strict=True):
        assert {each["label"] for each in scores} == set(labels)
        assert sum(each["score"] for each in scores) == pytest.approx(1, abs=1e-5)
        best = max(scores, key=lambda each: each["score"])
        assert best["label"] == row["prediction"]
        assert best["score"] == pytest.approx(row["probability"], abs=1e-5)


def test_names_are_in_the_order_of_their_classes() -> None:
    assert label_names(BertConfig(id2label={1: "b", 0: "a", 2: "c"})) == ("a", "b", "c")
    assert label_names(BertConfig(num_labels=3)) == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_what_belongs_to_the_encoder_stays() -> None:
    config = BertConfig(hidden_dropout_prob=0.3, classifier_dropout=0.2, problem_type="regression")
    bind_to_task(config, ("no", "yes"))
    assert config.problem_type is None and config.label2id == {"no": 0, "yes": 1}
    assert (config.hidden_dropout_prob, config.classifier_dropout) == (0.3, 0.2)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"problem_type": "multi_label_classification"}, "`problem_type` .* is multi_label"),
        ({"problem_type": "regression", "num_labels": 1}, "`problem_type` .* is regression"),
        ({"num_labels": 1}, "it has 1 output, but there must be one for each"),
    ],
)
def test_a_foreign_model_of_another_kind_is_not_taken_for_a_classifier(
    keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=f"foreign is not a classifier.*{message}"):
        refuse_other_kinds(BertConfig(**keys), Path("foreign"))


@pytest.mark.parametrize("kind", [None, "single_label_classification"])
def test_a_foreign_classifier_is_used(kind: str | None) -> None:
    refuse_other_kinds(BertConfig(problem_type=kind), Path("foreign"))


def test_predict_refuses_a_multi_label_model_but_not_an_earlier_export(tmp_path: Path) -> None:
    kind = {"problem_type": "multi_label_classification"}
    folder = earlier_classifier("bert", tmp_path, 2, **kind)
    with pytest.raises(InputError, match="delete `problem_type` there"):
        load_classifier_folder(folder)
    (folder / "export.json").write_text("{}")
    load_classifier_folder(folder)
