"""One trial of a ledger: what is missing, too much, or in the wrong order."""

from pathlib import Path

import pytest

from pkd.files.ledger.trial import read_trial
from tests.support.runs.fake_run import FakeRun


@pytest.fixture
def folder(fake: FakeRun) -> Path:
    """A complete trial of three epochs."""
    return fake.trial("search", "rte", 6, "kd", 0, 0.6, epochs=3)


def problems(folder: Path) -> list[str]:
    trial = read_trial(folder)
    return [f"{problem.path.name}: {problem.reason}" for problem in trial.problems]


def test_the_events_of_a_trial_are_read_in_their_order(folder: Path) -> None:
    trial = read_trial(folder)
    assert [event["event"] for event in trial.events] == ["start", *["report"] * 3, "end"]
    assert [event.get("epoch") for event in trial.events[1:4]] == [1, 2, 3]
    assert trial.problems == [] and trial.foreign == []


@pytest.mark.parametrize(
    ("gone", "reason"),
    [
        ("start", "start.json: it is missing"),
        ("report-0001", "report-0001.json: it is missing"),
        ("report-0002", "report-0002.json: it is missing"),
        ("report-0003", "report-0003.json: it is missing"),
    ],
)
def test_a_missing_event_is_noticed(folder: Path, gone: str, reason: str) -> None:
    (folder / f"{gone}.json").unlink()
    trial = read_trial(folder)
    assert problems(folder) == [reason] and len(trial.events) == 4
    assert trial.problems[0].error is None  # the other events can be used


def test_a_trial_without_an_end_is_unfinished_and_needs_its_reports(folder: Path) -> None:
    (folder / "end.json").unlink()
    assert problems(folder) == []
    (folder / "report-0002.json").unlink()
    assert problems(folder) == ["report-0002.json: it is missing"]


def test_the_end_is_the_last_event(fake: FakeRun, folder: Path) -> None:
    other = fake.trial("search", "rte", 6, "kd", 1, 0.6, epochs=2)
    longer = fake.trial("search", "rte", 6, "ft", 1, 0.6, epochs=3)
    (other / "end.json").write_bytes((folder / "end.json").read_bytes())
    assert problems(other) == ["end.json: it is a copy of search/rte-6-kd/trial-0000"]
    (longer / "report-0004.json").write_bytes((longer / "report-0003.json").read_bytes())
    assert problems(longer) == [
        "report-0004.json: it is a copy of report-0003.json",
        "report-0004.json: the trial ended after 3 reports",
    ]


def test_events_of_two_rounds_of_a_trial_do_not_mix(fake: FakeRun, folder: Path) -> None:
    old = folder.rename(folder.with_name("old"))
    again = fake.trial("search", "rte", 6, "kd", 0, 0.6, epochs=3)
    (again / "report-0002.json").write_bytes((old / "report-0002.json").read_bytes())
    assert problems(again) == [
        "report-0002.json: its number 1002 is not above that of report-0001.json, 2001"
    ]


def test_a_whole_copy_is_one_problem(folder: Path) -> None:
    folder.rename(folder.with_name("trial-0003"))
    [problem] = read_trial(folder.with_name("trial-0003")).problems
    assert problem.path == folder.with_name("trial-0003") and problem.home == folder
    assert problem.reason == "it was moved here from search/rte-6-kd/trial-0000"


def test_an_empty_folder_and_a_folder_that_is_gone_are_no_trials(tmp_path: Path) -> None:
    assert read_trial(tmp_path) == read_trial(tmp_path / "gone").__class__(tmp_path)


def test_foreign_files_are_not_read_and_temporary_ones_are_silent(folder: Path) -> None:
    for name in ("end.json.4711.tmp", "end.json~", "report-1.json", "END.JSON"):
        (folder / name).write_text("not JSON")
    (folder / "old").mkdir()
    trial = read_trial(folder)
    names = [path.name for path in trial.foreign]
    assert names == ["END.JSON", "end.json~", "old", "report-1.json"]
    assert trial.problems == [] and len(trial.events) == 5
