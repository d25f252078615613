from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from analysis.export_optuna import main
from tests.support.runs.fake_run import FakeRun


@pytest.fixture
def searched(fake: FakeRun) -> FakeRun:
    """A teacher, and a cell with a trial of each state."""
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.7)
    reports = [{"score": 0.5}, {"score": 0.55}]
    fake.trial("search", "rte", 6, "kd", 0, 0.6, alpha=0.2)
    fake.trial(
        "search", "rte", 6, "kd", 1, 0.55, state="stopped", epochs=2, reports=reports, alpha=0.7
    )
    fake.trial("search", "rte", 6, "kd", 2, None, state="failed")
    fake.trial("search", "rte", 6, "kd", 3, 0.5, state="unfinished")
    return fake


def test_the_storage_holds_the_recorded_trials(
    searched: FakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    assert main([str(searched.path), "--to", url]) == 0
    out = capsys.readouterr().out
    assert "fake/search/rte-6-kd: 1 COMPLETE, 1 PRUNED, 1 FAIL, 1 RUNNING\n" in out
    assert f"2 studies in {url}: 2 COMPLETE, 1 PRUNED, 1 FAIL, 1 RUNNING\n" in out
    names = optuna.get_all_study_names(url)
    assert sorted(names) == ["fake/search/rte-6-kd", "fake/teachers/rte-12-teacher"]
    study = optuna.load_study(study_name="fake/search/rte-6-kd", storage=url)
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    complete, pruned, failed, running = study.trials
    assert (complete.state, complete.value) == (TrialState.COMPLETE, 0.6)
    assert complete.params == {"learning_rate": 2e-5, "temperature": 10.0, "alpha": 0.2}
    assert (pruned.state, pruned.value) == (TrialState.PRUNED, 0.55)
    assert pruned.intermediate_values == {1: 0.5, 2: 0.55}
    assert (failed.state, failed.value) == (TrialState.FAIL, None)
    assert failed.user_attrs["error"] == "RuntimeError: the loss is nan"
    assert (running.state, running.user_attrs["trial"]) == (TrialState.RUNNING, "trial-0003")
    assert study.best_trial.number == 0


def test_existing_studies_are_replaced_only_with_the_option(
    searched: FakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    optuna.create_study(storage=url, study_name="of somebody else")
    assert main([str(searched.path), "--to", url]) == 0
    searched.trial("search", "rte", 6, "kd", 4, 0.62)
    searched.trial("search", "rte", 6, "ft", 0, 0.6)
    capsys.readouterr()
    assert main([str(searched.path), "--to", url]) == 2
    error = capsys.readouterr().err
    assert "already holds 2 of these studies, for example fake/search/rte-6-kd" in error
    assert "--replace" in error
    assert "fake/search/rte-6-ft" not in optuna.get_all_study_names(url)  # nothing was written
    assert main([str(searched.path), "--to", url, "--replace"]) == 0
    assert len(optuna.load_study(study_name="fake/search/rte-6-kd", storage=url).trials) == 5
    assert len(optuna.get_all_study_names(url)) == 4


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("study.db", "cannot open 'study.db': Could not parse SQLAlchemy URL"),
        ("nosuch://host/name", "Can't load plugin"),
        ("sqlite:////no/such/folder/study.db", "unable to open database file"),
    ],
)
def test_a_storage_that_cannot_be_opened_is_refused_with_the_reason(
    searched: FakeRun, capsys: pytest.CaptureFixture[str], url: str, words: str
) -> None:
    assert main([str(searched.path), "--to", url]) == 2
    error = capsys.readouterr().err
    assert words in error and "for example sqlite:///study.db" in error
    assert len(error.splitlines()) == 1


def test_a_file_that_is_not_a_database_is_not_changed(searched: FakeRun, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are notes, and long enough to be taken for a database's header.\n" * 9)
    before = path.read_bytes()
    assert main([str(searched.path), "--to", f"sqlite:///{path}"]) == 2
    assert path.read_bytes() == before


def test_a_password_is_not_printed(searched: FakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(searched.path), "--to", "nosuch://me:secret@host/name"]) == 2
    assert "secret" not in capsys.readouterr().err


def test_without_a_run_or_a_trial_no_file_is_made(
    fake: FakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    assert main([str(tmp_path / "nowhere"), "--to", url]) == 2
    assert "is not a run directory" in capsys.readouterr().err
    assert main([str(fake.path), "--to", url]) == 2
    assert "nothing to export" in capsys.readouterr().err
    assert not (tmp_path / "study.db").exists()
