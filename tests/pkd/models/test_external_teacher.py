"""Teachers of another family, width, tokenizer and label order than the student's."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from transformers import RobertaConfig, RobertaForSequenceClassification

from pkd.data.preparation import Prepared, prepare_task
from pkd.data.tokens import open_tokens
from pkd.distillation.losses import LossInputs, distillation_loss
from pkd.distillation.projection import Projection
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import ask_teacher, open_signals
from pkd.errors import InputError
from pkd.models.classifier import load_classifier, save_model
from pkd.models.encoder import load_encoder_config
from pkd.models.external_teacher import adopt_teacher, label_order
from pkd.tasks.glue import GLUE
from pkd.train import main
from pkd.training.checkpoint import load_checkpoint, save_checkpoint
from pkd.training.training_run import Files, Outputs, TrainingRun
from tests.support.training.family_encoders import write_encoder, write_tokenizer

CPU = torch.device("cpu")
LABELS = GLUE["rte"].labels
WIDTH = 24  # the students' is 16


@pytest.fixture(scope="module")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fine-tuned RoBERTa of four layers that reads letters."""
    folder = tmp_path_factory.mktemp("roberta")
    write_tokenizer("roberta", folder)
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=262,
        hidden_size=WIDTH,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=80,
        initializer_range=0.3,
        pad_token_id=1,
        id2label=dict(enumerate(LABELS)),
    )
    RobertaForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def letters(roberta: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare_task(GLUE["rte"], roberta, tmp_path_factory.mktemp("letters"), data, 64)


@pytest.fixture(scope="module")
def roberta_signals(
    roberta: Path, letters: Prepared, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return ask_teacher(letters, roberta, [2], tmp_path_factory.mktemp("signals"), "fp32")


def training(files: Files, **settings: Any) -> TrainingRun:
    values = {"layers": 2, "batch_size": 8, "learning_rate": 3e-3, "precision": "fp32"} | settings
    return TrainingRun(Recipe.checked(method="pkd-skip", **values), files, Outputs(), CPU)


@pytest.fixture
def files(prepared: Prepared, encoder: Path, roberta_signals: Path) -> Files:
    return Files(prepared.task, prepared.tokens, encoder, roberta_signals, 4)


def test_the_patience_loss_compares_projected_states(files: Files, roberta_signals: Path) -> None:
    loop = training(files).loop
    assert loop.objective.projection is not None
    loop.model.eval()
    rows = np.array([0, 3, 7])
    index = torch.from_numpy(rows)
    terms, logits = loop.objective(index, 24)
    inputs = loop.tokens.gather(index, 24)
    student = loop.model(**inputs, output_hidden_states=True).hidden_states[1][:, 0]
    (linear,) = loop.objective.projection.maps
    projected = F.linear(student, linear.weight, linear.bias)
    assert projected.shape == (3, WIDTH)
    signals = open_signals(roberta_signals, [2])
    expected = distillation_loss(
        LossInputs(
            loop.objective.weights,
            logits,
            loop.tokens.labels_of(index),
            signals.logits_of(index),
            projected[:, None],
            signals.states_of(index, [2]),
        )
    )
    torch.testing.assert_close(terms.total, expected.total)


def test_the_projection_is_learnt_kept_in_checkpoints_and_dropped_at_the_end(
    files: Files, tmp_path: Path
) -> None:
    whole = training(files, epochs=2)
    projection = whole.loop.objective.projection
    assert projection is not None
    before = [p.detach().clone() for p in projection.parameters()]
    whole.run_epoch()
    save_checkpoint(tmp_path / "trial.pt", whole.loop, {})
    for parameter, first in zip(projection.parameters(), before, strict=True):
        assert not torch.equal(parameter, first)
    expected = whole.run_epoch().train_loss
    again = training(files, epochs=2)
    load_checkpoint(tmp_path / "trial.pt", again.loop)
    assert again.run_epoch().train_loss == expected
    assert not any("projection" in name for name in whole.loop.model.state_dict())


def test_an_ensemble_of_two_families_teaches_by_its_mean(
    prepared: Prepared, encoder: Path, signals: Path, roberta_signals: Path
) -> None:
    files = Files(prepared.task, prepared.tokens, encoder, signals, 4, (roberta_signals,))
    assert files.read()[-2:] == [signals, roberta_signals]
    for temperature in (2.0, 10.0):
        loop = training(files, alpha=1.0, beta=3.0, temperature=temperature).loop
        loop.model.eval()
        index = torch.tensor([5, 0, 9])
        terms, logits = loop.objective(index, 24)
        divided = [
            open_signals(folder).logits[index] / temperature
            for folder in (signals, roberta_signals)
        ]
        target = (divided[0].softmax(1) + divided[1].softmax(1)) / 2
        log_p = (logits / temperature).log_softmax(1)
        soft = (target * (target.log() - log_p)).mean() * temperature**2
        torch.testing.assert_close(terms.soft, soft)
        # Patience is with the first one, of the width of the student.
        alone = training(replace(files, further_signals=()), beta=3.0).loop
        alone.model.eval()
        assert loop.objective.projection is None and terms.patience is not None
        torch.testing.assert_close(terms.patience, alone.objective(index, 24)[0].patience)


def test_signals_of_other_rows_are_no_ensemble(
    signals: Path, teacher: Path, prepared: Prepared, tmp_path: Path
) -> None:
    fewer = replace(prepared, tokens=prepared.tokens | {"train": prepared.tokens["validation"]})
    other = ask_teacher(fewer, teacher, [], tmp_path, "fp32")
    with pytest.raises(InputError, match=r"logits of \(12, 2\) .* of \(40, 2\): all teachers"):
        open_signals(signals, further=[other])


def test_equal_widths_need_no_projection(prepared: Prepared, encoder: Path, signals: Path) -> None:
    same = training(Files(prepared.task, prepared.tokens, encoder, signals, 4))
    assert same.loop.objective.projection is None


def test_a_projection_by_hand_and_its_seed() -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one, same, other = (Projection(2, 3, 4, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(one.maps[0].weight, same.maps[0].weight)
    assert not torch.equal(one.maps[0].weight, other.maps[0].weight)
    states = torch.randn(5, 2, 3)
    for pair in range(2):
        expected = states[:, pair] @ one.maps[pair].weight.T + one.maps[pair].bias
        torch.testing.assert_close(one(states)[:, pair], expected)


def distilled(
    data: Path, student: Path, teacher: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[str, int]:
    """Runs the command; gives the student's family and width."""
    options = {"task": "rte", "data": data, "model": student, "teacher": teacher, "layers": 2}
    options |= {"out": out, "max-length": 32, "batch-size": 8, "epochs": 1}
    argv = [str(word) for key, value in options.items() for word in (f"--{key}", value)]
    assert main(argv) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["method"] == "pkd-skip"
    # Teacher and student were each given their own tokens.
    assert len({open_tokens(path.parent).digest for path in out.rglob("ids.npy")}) == 6
    config = load_classifier(Path(printed["model"]), LABELS).config
    return config.model_type, config.hidden_size


def test_the_command_distils_a_roberta_into_a_narrower_bert(
    data: Path, encoder: Path, roberta: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert distilled(data, encoder, roberta, tmp_path, capsys) == ("bert", 16)


@pytest.mark.parametrize(("teacher", "student"), [("xlnet", "bert"), ("bert", "roberta")])
def test_the_command_distils_one_family_into_another(
    data: Path, teacher: str, student: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = write_encoder(teacher, tmp_path / "start")
    save_model(load_classifier(start, LABELS, seed=1), start, tmp_path / "teacher")
    encoder = write_encoder(student, tmp_path / "encoder")
    found = distilled(data, encoder, tmp_path / "teacher", tmp_path / "out", capsys)
    assert found == (student, 16)


def test_a_teacher_with_the_labels_the_other_way_round_says_the_same(
    roberta: Path, letters: Prepared, roberta_signals: Path, tmp_path: Path
) -> None:
    turned = Path(shutil.copytree(roberta, tmp_path / "turned"))
    model = RobertaForSequenceClassification.from_pretrained(roberta)
    with torch.no_grad():
        out = model.classifier.out_proj
        out.weight.copy_(out.weight.flip(0).clone())
        out.bias.copy_(out.bias.flip(0).clone())
    model.config.id2label = {0: LABELS[1].upper(), 1: LABELS[0]}
    model.save_pretrained(turned)
    assert label_order(turned, LABELS) == (1, 0)
    adopted = adopt_teacher(turned, LABELS, tmp_path / "teachers")
    signals = ask_teacher(letters, adopted, [2], tmp_path / "signals", "fp32")
    assert open_signals(signals).logits.equal(open_signals(roberta_signals).logits)
    assert load_encoder_config(adopted).id2label == dict(enumerate(LABELS))
    # Once only.
    assert adopt_teacher(turned, LABELS, tmp_path / "teachers") == adopted


def test_an_encoder_that_was_never_fine_tuned_is_no_teacher(encoder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(encoder, tmp_path / "encoder"))
    settings = json.loads((folder / "config.json").read_text())
    settings["id2label"] = dict(enumerate(LABELS))
    (folder / "config.json").write_text(json.dumps(settings))
    with pytest.raises(InputError, match=r"lack \d+ parts of a bert of 4 layers"):
        adopt_teacher(folder, LABELS, tmp_path / "teachers")


@pytest.mark.parametrize(
    "names",
    [["LABEL_0", "LABEL_1"], ["entailment", "Entailment"], ["entailment"], ["yes", "no", "maybe"]],
)
def test_labels_that_do_not_match_are_refused(
    roberta: Path, names: list[str], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(roberta, tmp_path / "teacher"))
    settings = json.loads((folder / "config.json").read_text())
    settings["id2label"] = {str(code): name for code, name in enumerate(names)}
    settings["label2id"] = {name: code for code, name in enumerate(names)}
    (folder / "config.json").write_text(json.dumps(settings))
    with pytest.raises(InputError, match="has the labels .*use the task's names"):
        label_order(folder, LABELS)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"label2id": {LABELS[0]: 1, LABELS[1]: 0}}, "contradicts itself: in `id2label` '{0}' is"),
        ({"problem_type": "multi_label_classification"}, "`problem_type` .* is multi_label"),
        ({"problem_type": "regression"}, "`problem_type` .* is regression"),
        ({"id2label": {"1": LABELS[0], "2": LABELS[1]}}, "names the classes .1, 2., but"),
    ],
)
def test_a_teacher_of_another_kind_is_refused(
    roberta: Path, keys: dict[str, Any], message: str, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(roberta, tmp_path / "teacher"))
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | keys))
    with pytest.raises(InputError, match=message.format(*LABELS)):
        adopt_teacher(folder, LABELS, tmp_path / "teachers")


def test_a_teacher_without_a_linear_layer_for_its_logits_is_refused(
    roberta: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_classifier(roberta, LABELS)
    model.classifier = torch.nn.Identity()
    monkeypatch.setattr("pkd.models.external_teacher.load_classifier", lambda *_, **__: model)
    with pytest.raises(InputError, match="cannot find the layer that computes the logits"):
        adopt_teacher(roberta, LABELS, tmp_path / "teachers")
    assert not [path for path in (tmp_path / "teachers").iterdir() if path.suffix == ""]
