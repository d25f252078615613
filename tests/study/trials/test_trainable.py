"""The trainables without Ray around them: epochs, resuming, failures and their logs."""

import math
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pkd.data.preparation import Prepared, prepare_task
from pkd.distillation.signals import ask_teacher
from pkd.errors import CacheError, TrainingError
from pkd.files.cache import write_manifest
from pkd.tasks.glue import GLUE
from pkd.tasks.task import Task
from pkd.training.training_run import Files, Outputs, TrainingRun
from study.storage.store import SharedFolder
from study.trials.jobs import PredictJob, SignalsJob
from study.trials.lazy_trainable import LazyTrainable, pack
from study.trials.trainable import DistilTrainable, StudyTrial
from study.trials.worker import logged

FT = {"method": "ft", "layers": 2, "epochs": 2, "batch_size": 16, "learning_rate": 1e-3}
PKD = FT | {"method": "pkd-skip", "temperature": 5.0, "alpha": 0.5, "beta": 100.0}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def prepared(
    tiny_data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Prepared:
    return prepare_task(GLUE["rte"], tiny_model, tmp_path_factory.mktemp("tokens"), tiny_data)


@pytest.fixture(scope="module")
def files(prepared: Prepared, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The untrained encoder plays the teacher: what it says is as good as any for these tests."""
    signals = ask_teacher(prepared, tiny_model, [2], tmp_path_factory.mktemp("signals"))
    return Files(prepared.task, prepared.tokens, tiny_model, signals, teacher_layers=4)


def trial(tmp_path: Path, files: Files, **more: Any) -> dict[str, Any]:
    outputs = Outputs(checkpoint=tmp_path / "trial.pt", checkpoint_every=0.0)
    config = FT | {
        "files": files,
        "outputs": outputs,
        "recorded": 0,
        "log": tmp_path / "trial.log",
        "store": SharedFolder(),
    }
    return config | more


# In anybody's own Tuner -----------------------------------------------------------------------


def test_a_trainable_needs_no_ray_and_gives_flat_results(files: Files) -> None:
    trainable = DistilTrainable(PKD | {"files": files})
    first, second = trainable.train(), trainable.train()
    assert (first["epoch"], second["epoch"]) == (1, 2)
    # The last epoch is the end of the trial; Tune stops it then.
    assert not first["done"] and second["done"]
    assert first["score"] == first["validation_accuracy"]
    assert math.isfinite(first["train_loss"]) and first["samples"] == 64
    trainable.stop()


def test_a_reused_trainable_does_what_a_fresh_one_does(files: Files) -> None:
    fresh = DistilTrainable(PKD | {"files": files, "seed": 3}).train()
    reused = DistilTrainable(FT | {"files": files})
    reused.train()
    assert reused.reset_config(PKD | {"files": files, "seed": 3})
    again = reused.train()
    for key in ("epoch", "score", "train_loss", "dev_loss"):
        assert again[key] == fresh[key]


# A trial of the study -------------------------------------------------------------------------


def test_a_study_trial_reports_one_epoch_a_step(tmp_path: Path, files: Files) -> None:
    study_trial = StudyTrial(trial(tmp_path, files))
    reports = [study_trial.train()["report"] for _ in range(2)]
    assert [report.epoch for report in reports] == [1, 2]
    assert reports[0].to_dict()["metrics"] == {"validation": {"accuracy": reports[0].score}}
    # Its log tells the recipe and the epochs.
    log = (tmp_path / "trial.log").read_text()
    assert "method='ft'" in log and log.count("score ") == 2


def test_epochs_that_only_the_checkpoint_knows_are_reported_first(
    tmp_path: Path, files: Files
) -> None:
    undisturbed = StudyTrial(trial(tmp_path / "undisturbed", files))
    expected = [undisturbed.train()["report"] for _ in range(2)]

    # The driver dies when the first epoch is in the checkpoint but not in the ledger.
    StudyTrial(trial(tmp_path, files)).train()
    assert (tmp_path / "trial.pt").exists()
    resumed = StudyTrial(trial(tmp_path, files))
    first, second = (resumed.train()["report"] for _ in range(2))
    assert (first.epoch, second.epoch) == (1, 2)
    for got, wanted in zip((first, second), expected, strict=True):
        assert (got.score, got.train_loss, got.dev_loss) == (
            wanted.score,
            wanted.train_loss,
            wanted.dev_loss,
        )


def test_recorded_epochs_are_not_reported_again(tmp_path: Path, files: Files) -> None:
    StudyTrial(trial(tmp_path, files)).train()
    resumed = StudyTrial(trial(tmp_path, files, recorded=1))
    assert resumed.train()["report"].epoch == 2


def test_training_that_diverges_is_told_and_not_raised(
    tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(self: TrainingRun) -> None:
        raise TrainingError("the training loss is not finite in epoch 1")

    monkeypatch.setattr(TrainingRun, "run_epoch", diverge)
    # Raised, it would look like a broken process, and be tried again.
    result = StudyTrial(trial(tmp_path, files)).train()
    assert result["failed"] == "the training loss is not finite in epoch 1"
    assert "report" not in result
    assert "ERROR the training loss is not finite" in (tmp_path / "trial.log").read_text()


def test_a_loss_that_is_not_a_number_fails_the_trial(tmp_path: Path, files: Files) -> None:
    study_trial = StudyTrial(trial(tmp_path, files))
    with torch.no_grad():
        next(study_trial.training.loop.model.parameters()).fill_(float("nan"))
    assert "not finite" in study_trial.train()["failed"]


def test_the_log_holds_the_traceback_of_an_exception(
    tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: TrainingRun) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(TrainingRun, "run_epoch", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        StudyTrial(trial(tmp_path, files)).step()
    log = (tmp_path / "trial.log").read_text()
    assert "Traceback (most recent call last)" in log and "RuntimeError: out of memory" in log
    assert __file__ in log


def without_signals(files: Files, tmp_path: Path) -> dict[str, Any]:
    """A patient trial whose signals were lost: it cannot begin."""
    return trial(tmp_path, replace(files, signals=tmp_path / "lost"), **PKD)


def test_the_log_holds_the_traceback_of_a_trial_that_cannot_begin(
    tmp_path: Path, files: Files
) -> None:
    with pytest.raises(CacheError, match="lost"):
        StudyTrial(without_signals(files, tmp_path))
    log = (tmp_path / "trial.log").read_text()
    assert "Traceback (most recent call last)" in log and str(tmp_path / "lost") in log


def test_an_error_that_names_what_is_wrong_is_told_and_not_raised(
    tmp_path: Path, files: Files
) -> None:
    lazy_trainable = LazyTrainable(pack(StudyTrial, without_signals(files, tmp_path)))
    assert str(tmp_path / "lost") in lazy_trainable.step()["broken"]
    # The same process can take up another trial.
    lazy_trainable.reset_config(pack(StudyTrial, trial(tmp_path, files)))
    assert lazy_trainable.step()["report"].epoch == 1


def test_a_damaged_checkpoint_costs_its_epochs_and_nothing_else(
    tmp_path: Path, files: Files
) -> None:
    (tmp_path / "trial.pt").write_bytes(b"no checkpoint")
    assert StudyTrial(trial(tmp_path, files)).train()["report"].epoch == 1
    assert "trial.pt is damaged" in (tmp_path / "trial.log").read_text()


def test_warnings_go_to_the_log_and_only_while_the_trial_works(tmp_path: Path) -> None:
    with logged(tmp_path / "trial.log"):
        warnings.warn("a strange value", stacklevel=1)
    with pytest.warns(UserWarning, match="afterwards"):
        warnings.warn("afterwards", stacklevel=1)
    log = (tmp_path / "trial.log").read_text()
    assert "a strange value" in log and "afterwards" not in log


# Jobs of one step -----------------------------------------------------------------------------


def test_the_signals_job_names_the_folder_that_it_filled(
    tmp_path: Path, prepared: Prepared, tiny_model: Path
) -> None:
    job = {"prepared": prepared, "teacher": tiny_model, "layers": [1, 2], "precision": "fp32"}
    result = SignalsJob(
        job | {"root": tmp_path, "log": tmp_path / "job.log", "store": SharedFolder()}
    ).train()
    report = result["report"].to_dict()
    assert report["epoch"] == 1
    files = sorted(path.name for path in (tmp_path / report["folder"]).glob("*.npy"))
    assert files == ["layer-01.npy", "layer-02.npy", "logits.npy"]


def test_the_predict_job_predicts_the_test_split_without_labels(
    tmp_path: Path, prepared: Prepared, tiny_model: Path
) -> None:
    from pyarrow import parquet

    model = shutil.copytree(tiny_model, tmp_path / "model")
    write_manifest(model, {})
    job = {"prepared": prepared, "model": model, "root": tmp_path, "precision": "fp32"}
    result = PredictJob(job | {"log": tmp_path / "job.log", "store": SharedFolder()}).train()
    assert result["report"].to_dict()["splits"] == ["test"]
    table = parquet.read_table(tmp_path / "test.parquet")
    # The file's labels are -1: neither they nor a score are anywhere.
    assert table.num_rows == 16 and "label" not in table.column_names
    assert set(table["prediction"].to_pylist()) <= {0, 1}


def test_held_out_rows_are_predicted_and_scored(
    tiny_data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    files = {"train": "train", "dev": "validation", "test": "test", "later": "validation"}
    task = Task(
        name="own",
        texts=("sentence1",),
        labels=("bad", "good"),
        metrics=("accuracy", "f1:bad"),
        test=("test",),
        held_out=("later",),
        files={split: tiny_data / "rte" / f"{file}.parquet" for split, file in files.items()},
    )
    model = shutil.copytree(tiny_model, tmp_path / "model")
    write_manifest(model, {})
    job = {"model": model, "root": tmp_path, "precision": "fp32", "store": SharedFolder()}
    job |= {"prepared": prepare_task(task, tiny_model, tmp_path), "log": tmp_path / "job.log"}
    report = PredictJob(job).train()["report"].to_dict()
    assert report["splits"] == ["test", "later"]
    from pyarrow import parquet

    assert "label" not in parquet.read_table(tmp_path / "test.parquet").column_names
    rows = parquet.read_table(tmp_path / "later.parquet").to_pydict()
    right = [given == said for given, said in zip(rows["label"], rows["prediction"], strict=True)]
    assert list(report["metrics"]) == ["later"]
    assert report["metrics"]["later"]["accuracy"] == sum(right) / len(right)
    assert set(report["metrics"]["later"]) == {"accuracy", "f1:bad"}
