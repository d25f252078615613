"""A training of the study: its epochs, resuming, failures and its log."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pkd.distillation.methods import METHODS
from pkd.errors import CacheError, TrainingError
from pkd.training.training_run import Files, TrainingRun
from study.trials.study_trial import StudyTrial
from tests.support.studies.works import FT, PKD, work_of


def test_a_study_trial_reports_one_epoch_a_step(tmp_path: Path, files: Files) -> None:
    study_trial = StudyTrial(work_of(tmp_path, files))
    reports = [study_trial.step()["report"] for _ in range(2)]
    assert [report.epoch for report in reports] == [1, 2]
    assert reports[0].to_dict()["metrics"] == {"validation": {"accuracy": reports[0].score}}
    # Its log holds the recipe and the epochs.
    log = (tmp_path / "trial.log").read_text()
    assert "method='ft'" in log and log.count("score ") == 2


def test_epochs_that_only_the_checkpoint_holds_are_reported_first(
    tmp_path: Path, files: Files
) -> None:
    undisturbed = StudyTrial(work_of(tmp_path / "undisturbed", files))
    expected = [undisturbed.step()["report"] for _ in range(2)]

    # The driver dies when the first epoch is in the checkpoint but not in the ledger.
    StudyTrial(work_of(tmp_path, files)).step()
    assert (tmp_path / "trial.pt").exists()
    resumed = StudyTrial(work_of(tmp_path, files))
    first, second = (resumed.step()["report"] for _ in range(2))
    assert (first.epoch, second.epoch) == (1, 2)
    for got, wanted in zip((first, second), expected, strict=True):
        assert (got.score, got.train_loss, got.dev_loss) == (
            wanted.score,
            wanted.train_loss,
            wanted.dev_loss,
        )


def test_recorded_epochs_are_not_reported_again(tmp_path: Path, files: Files) -> None:
    StudyTrial(work_of(tmp_path, files)).step()
    resumed = StudyTrial(work_of(tmp_path, files, recorded=1))
    assert resumed.step()["report"].epoch == 2


def test_a_training_that_diverges_is_reported_and_not_raised(
    tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(self: TrainingRun) -> None:
        raise TrainingError("the training loss is not finite in epoch 1")

    monkeypatch.setattr(TrainingRun, "run_epoch", diverge)
    # A raised error would look like a process that failed, and the trial would be tried again.
    result = StudyTrial(work_of(tmp_path, files)).step()
    assert result["failed"] == "the training loss is not finite in epoch 1"
    assert "report" not in result
    assert "ERROR the training loss is not finite" in (tmp_path / "trial.log").read_text()


def test_a_loss_that_is_not_a_number_fails_the_work_of(tmp_path: Path, files: Files) -> None:
    study_trial = StudyTrial(work_of(tmp_path, files))
    with torch.no_grad():
        next(study_trial.training.loop.model.parameters()).fill_(float("nan"))
    assert "not finite" in study_trial.step()["failed"]


def test_the_log_holds_the_traceback_of_an_exception(
    tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: TrainingRun) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(TrainingRun, "run_epoch", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        StudyTrial(work_of(tmp_path, files)).step()
    log = (tmp_path / "trial.log").read_text()
    assert "Traceback (most recent call last)" in log and "RuntimeError: out of memory" in log
    assert __file__ in log


def test_the_log_holds_the_traceback_of_a_trial_that_cannot_start(
    tmp_path: Path, files: Files
) -> None:
    with pytest.raises(CacheError, match="lost"):
        StudyTrial(work_of(tmp_path, replace(files, signals=tmp_path / "lost"), PKD))
    log = (tmp_path / "trial.log").read_text()
    assert "Traceback (most recent call last)" in log and str(tmp_path / "lost") in log


def test_a_damaged_checkpoint_costs_only_its_epochs(tmp_path: Path, files: Files) -> None:
    (tmp_path / "trial.pt").write_bytes(b"no checkpoint")
    assert StudyTrial(work_of(tmp_path, files)).step()["report"].epoch == 1
    assert "trial.pt is damaged" in (tmp_path / "trial.log").read_text()


def test_a_method_of_the_user_is_registered_before_the_recipe_is_checked(
    tmp_path: Path, files: Files
) -> None:
    methods = {"own": METHODS["kd"]}
    try:
        work = work_of(tmp_path, files, FT | {"method": "own"}, own_methods=methods)
        assert StudyTrial(work).step()["report"].epoch == 1
    finally:
        METHODS.pop("own", None)
