"""Reports of all epochs, the best epoch's files, and the same numbers after an interruption."""

import gc
import weakref
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import pkd.training.training_run as training_run_module
from pkd.data.preparation import Prepared
from pkd.data.tokens import open_tokens
from pkd.distillation.losses import LossInputs, LossTerms, distillation_loss
from pkd.distillation.recipe import Recipe
from pkd.evaluation.inference import predict_logits
from pkd.models.classifier import load_classifier
from pkd.models.encoder import depth_of
from pkd.tasks.glue import GLUE
from pkd.training.epoch_report import EpochReport
from pkd.training.training_run import Files, Outputs, TrainingRun

CPU = torch.device("cpu")


class Stopped(Exception):
    """Stands for the end of a process."""


def recipe(method: str = "pkd-skip", **settings: object) -> Recipe:
    values = {"batch_size": 8, "learning_rate": 3e-3, "precision": "fp32", "layers": 3}
    return Recipe.checked(method=method, **values | settings)


@pytest.fixture
def files(prepared: Prepared, encoder: Path, signals: Path) -> Files:
    return Files(prepared.task, prepared.tokens, encoder, signals, 4)


def run(training: TrainingRun) -> list[EpochReport]:
    while not training.finished:
        training.run_epoch()
    return training.reports


def numbers(reports: list[EpochReport]) -> list[dict]:
    """The reports without what a clock measured."""
    clocks = ("train_seconds", "eval_seconds")
    return [{k: v for k, v in r.to_dict().items() if k not in clocks} for r in reports]


@pytest.mark.parametrize("method", ["ft", "kd", "pkd-skip", "pkd-last"])
def test_each_epoch_gives_a_complete_report(files: Files, method: str) -> None:
    steps: list[tuple[int, int]] = []
    training = TrainingRun(recipe(method, epochs=2), files, device=CPU)
    reports = [training.run_epoch(lambda *at: steps.append(at)) for _ in range(2)]
    assert training.finished
    assert training.reports == reports
    assert [report.epoch for report in reports] == [1, 2]
    assert steps == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)] * 2
    for report in reports:
        assert report.metrics == {"validation": {"accuracy": report.score}}
        # 12 dev rows.
        assert report.score * 12 == pytest.approx(round(report.score * 12))
        assert np.isfinite(report.train_loss) and report.dev_loss > 0
        # 40 training rows; the curve goes on from where the epoch before it ended.
        assert report.train_accuracy * 40 == pytest.approx(round(report.train_accuracy * 40))
        assert [p["step"] for p in report.train_curve] == [5 * report.epoch - i for i in range(5)][
            ::-1
        ]
        assert report.train_seconds > 0 and report.eval_seconds > 0
        assert (report.samples, report.device) == (40, "cpu")


def test_a_student_starts_as_the_layers_that_its_recipe_names(files: Files) -> None:
    whole = dict(load_classifier(files.model, GLUE["rte"].labels).named_parameters())
    cases = [("first", (0, 1, 2)), ("spaced", (0, 2, 3)), ((1, 2, 4), (0, 1, 3))]  # 4/3, 8/3, 4
    for choice, numbers in cases:
        student = TrainingRun(recipe(start_layers=choice), files, device=CPU).loop.model
        assert len(student.bert.encoder.layer) == 3
        for layer, number in zip(student.bert.encoder.layer, numbers, strict=True):
            for name, weight in layer.named_parameters():
                assert torch.equal(weight, whole[f"bert.encoder.layer.{number}.{name}"])


def test_fine_tuning_needs_no_teacher(prepared: Prepared, encoder: Path) -> None:
    files = Files(prepared.task, prepared.tokens, encoder)
    assert len(run(TrainingRun(recipe("ft", epochs=1), files, device=CPU))) == 1


def test_the_best_epochs_model_and_predictions_are_kept(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The second epoch is the first of the best, whatever this machine's rounding makes of it.
    scores = iter([0.25, 0.75, 0.75, 0.5])
    monkeypatch.setattr(training_run_module, "selection_score", lambda task, metrics: next(scores))
    outputs = Outputs(best_model=tmp_path / "model", predictions=tmp_path / "predictions")
    training = TrainingRun(recipe(epochs=4), files, outputs, CPU)
    tokens = open_tokens(files.tokens["validation"], CPU)
    logits = []
    while not training.finished:
        training.run_epoch()
        logits.append(predict_logits(training.loop.model, tokens, CPU, "fp32"))

    table = pq.read_table(tmp_path / "predictions" / "validation.parquet").to_pydict()
    names = GLUE["rte"].labels
    assert list(table) == ["idx", "label", "prediction", *(f"logit_{name}" for name in names)]
    assert table["idx"] == list(range(100, 112))
    assert table["label"] == [0, 1] * 6
    kept = np.stack([table[f"logit_{name}"] for name in names], axis=1)
    assert [np.array_equal(kept, each) for each in logits] == [False, True, False, False]
    assert table["prediction"] == kept.argmax(axis=1).tolist()
    right = sum(p == y for p, y in zip(table["prediction"], table["label"], strict=True))
    accuracy = training.reports[1].metrics["validation"]["accuracy"]
    assert right / 12 == pytest.approx(accuracy)

    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model")
    assert (model.config.num_hidden_layers, depth_of(tmp_path / "model")) == (3, 3)
    assert model.config.id2label == dict(enumerate(names))
    again = predict_logits(model, tokens, CPU, "fp32")
    assert again == pytest.approx(kept, abs=1e-5)
    assert len(AutoTokenizer.from_pretrained(tmp_path / "model")) == model.config.vocab_size
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "predictions"]


@pytest.mark.parametrize("method", ["ft", "pkd-skip"])
@pytest.mark.parametrize("stop", [1, 5, 6, 8, 18])
def test_an_interrupted_experiment_gives_the_same_reports(
    files: Files, method: str, stop: int, tmp_path: Path
) -> None:
    expected = run(TrainingRun(recipe(method), files, device=CPU))
    outputs = Outputs(
        tmp_path / "checkpoint", tmp_path / "model", tmp_path / "predictions", checkpoint_every=0
    )
    seen = 0

    def stop_there(done: int, total: int) -> None:
        nonlocal seen
        seen += 1
        if seen == stop:
            raise Stopped

    first = TrainingRun(recipe(method), files, outputs, CPU)
    with pytest.raises(Stopped):
        while not first.finished:
            first.run_epoch(stop_there)
    torch.rand(100)

    second = TrainingRun(recipe(method), files, outputs, CPU)
    # 5 steps an epoch; the state after an epoch's last step is saved along with its report.
    assert len(second.reports) == (stop - 1) // 5
    position = second.loop.position
    steps = position.epoch * 5 + position.step
    assert steps == (stop - 1 if stop % 5 == 0 else stop)
    assert numbers(run(second)) == numbers(expected)
    assert len(second.reports) == 4


def test_an_experiment_stopped_between_epochs_does_not_repeat_one(
    files: Files, tmp_path: Path
) -> None:
    outputs = Outputs(tmp_path / "checkpoint", checkpoint_every=0)
    first = TrainingRun(recipe(), files, outputs, CPU)
    reports = [first.run_epoch(), first.run_epoch()]
    second = TrainingRun(recipe(), files, outputs, CPU)
    assert second.reports == reports
    assert second.loop.position.epoch == 2
    assert second.run_epoch().epoch == 3


@pytest.mark.parametrize("where", [0.1, 0.5, 0.9])
def test_a_flipped_bit_in_a_checkpoint_costs_its_epochs_and_no_more(
    files: Files, where: float, tmp_path: Path
) -> None:
    expected = run(TrainingRun(recipe(), files, device=CPU))
    outputs = Outputs(tmp_path / "checkpoint", checkpoint_every=0)
    TrainingRun(recipe(), files, outputs, CPU).run_epoch()
    content = bytearray((tmp_path / "checkpoint").read_bytes())
    # Between the tensors there are gaps that nobody reads.
    with zipfile.ZipFile(tmp_path / "checkpoint") as parts:
        tensors = [part for part in parts.infolist() if "/data/" in part.filename]
        held = parts.read(tensors[int(where * (len(tensors) - 1))])
    content[content.index(held) + len(held) // 2] ^= 1
    (tmp_path / "checkpoint").write_bytes(content)
    with pytest.warns(UserWarning, match="checkpoint is damaged .* starts again"):
        second = TrainingRun(recipe(), files, outputs, CPU)
    assert second.reports == []
    assert numbers(run(second)) == numbers(expected)


def test_a_checkpoint_is_written_only_when_it_is_due(files: Files, tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "checkpoint", checkpoint_every=3600)
    TrainingRun(recipe(epochs=2), files, outputs, CPU).run_epoch()
    assert list(tmp_path.iterdir()) == []


def test_making_an_experiment_does_not_change_the_encoder(files: Files, encoder: Path) -> None:
    before = {p.name: p.read_bytes() for p in encoder.iterdir()}
    run(TrainingRun(recipe(epochs=1), files, device=CPU))
    assert {p.name: p.read_bytes() for p in encoder.iterdir()} == before
    assert load_classifier(encoder, GLUE["rte"].labels).config.num_hidden_layers == 4


def test_a_training_that_is_over_frees_its_memory_at_once(files: Files) -> None:
    training = TrainingRun(recipe(epochs=1), files, device=CPU)
    run(training)
    dead = [weakref.ref(each) for each in (training.loop, training.loop.model)]
    gc.disable()  # a process that trains again must not wait for it
    try:
        del training
        assert [each() for each in dead] == [None, None]
    finally:
        gc.enable()


def test_another_loss_is_minimised(files: Files) -> None:
    """The paper's loss with beta doubled is the paper's loss under twice the beta."""

    def doubled(inputs: LossInputs) -> LossTerms:
        weights = replace(inputs.weights, beta=2 * inputs.weights.beta)
        return distillation_loss(replace(inputs, weights=weights))

    given = run(TrainingRun(recipe(beta=5.0, epochs=2), files, device=CPU, loss=doubled))
    expected = run(TrainingRun(recipe(beta=10.0, epochs=2), files, device=CPU))
    other = run(TrainingRun(recipe(beta=5.0, epochs=2), files, device=CPU))
    assert numbers(given) == numbers(expected) != numbers(other)
