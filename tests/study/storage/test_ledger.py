"""The ledger keeps each event whole and in order, and names a damaged one."""

import json
from pathlib import Path

import pytest

from pkd.errors import CacheError
from study.config.cell import Cell
from study.storage.ledger import Ledger, foreign_note

CELL = Cell("search", "rte", 3, "kd")
REPORT = {"epoch": 1, "score": 0.5, "train_seconds": 1.0, "eval_seconds": 0.1}


def write_three(root: Path) -> Ledger:
    ledger = Ledger(root)
    ledger.start(CELL, "trial-0000", {"learning_rate": 1e-4}, seed=42, epochs=4)
    ledger.report(CELL, "trial-0000", REPORT, "stop")
    ledger.end(CELL, "trial-0000", state="stopped", score=0.5, epochs=1)
    return ledger


def test_events_are_read_back_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    write_three(tmp_path)
    events = Ledger(tmp_path).events()
    assert [event["event"] for event in events] == ["start", "report", "end"]
    assert [event["seq"] for event in events] == [1, 2, 3]
    # Every event names its trial.
    for event in events:
        assert Cell.of(event) == CELL and event["trial"] == "trial-0000"
    assert events[0]["settings"] == {"learning_rate": 1e-4} and events[0]["seed"] == 42
    assert events[1]["score"] == 0.5 and events[1]["decision"] == "stop"


def test_each_event_is_a_file_of_its_own(tmp_path: Path) -> None:
    write_three(tmp_path)
    folder = tmp_path / "search" / "rte-3-kd" / "trial-0000"
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["end.json", "report-0001.json", "start.json"]


def test_numbering_goes_on_after_reopening(tmp_path: Path) -> None:
    write_three(tmp_path)
    event = Ledger(tmp_path).start(CELL, "trial-0001", {}, seed=42, epochs=4)
    assert event["seq"] == 4


def test_events_of_one_stage_leave_the_others_out(tmp_path: Path) -> None:
    ledger = write_three(tmp_path)
    ledger.start(Cell("confirm", "rte", 3, "kd"), "seed-0000", {}, seed=1, epochs=4)
    assert [event["stage"] for event in ledger.events("confirm")] == ["confirm"]
    assert len(ledger.events("search")) == 3 and len(ledger.events()) == 4


def test_a_study_that_has_not_begun_has_no_events(tmp_path: Path) -> None:
    assert Ledger(tmp_path / "ledger").events() == []
    # Reading makes no folder.
    assert not (tmp_path / "ledger").exists()


def test_half_written_files_are_ignored(tmp_path: Path) -> None:
    write_three(tmp_path)
    folder = tmp_path / "search" / "rte-3-kd" / "trial-0001"
    folder.mkdir()
    (folder / "start.json.123.tmp").write_text('{"format": 1, "seq"')
    assert len(Ledger(tmp_path).events()) == 3


def test_an_event_that_cannot_be_written_leaves_no_trace(tmp_path: Path) -> None:
    ledger = write_three(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError):
        ledger.report(CELL, "trial-0000", REPORT | {"epoch": 2, "score": float("nan")}, "stop")
    assert sorted(tmp_path.rglob("*")) == before
    # Its number is used again.
    assert ledger.end(CELL, "trial-0000", state="failed")["seq"] == 4


def test_every_event_names_the_study(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, study="5a1d")
    ledger.start(CELL, "trial-0000", {}, seed=42, epochs=4)
    [event] = Ledger(tmp_path, study="5a1d").events()
    assert event["study"] == "5a1d"
    with pytest.raises(CacheError, match="it belongs to another study, '5a1d'"):
        Ledger(tmp_path, study="77b0")


def test_events_of_earlier_versions_name_no_study(tmp_path: Path) -> None:
    write_three(tmp_path)
    ledger = Ledger(tmp_path, study="5a1d")
    ledger.start(CELL, "trial-0001", {}, seed=42, epochs=4)
    assert [event.get("study") for event in ledger.events()] == [None] * 3 + ["5a1d"]


def test_a_newer_format_is_refused_and_nothing_is_to_be_moved(tmp_path: Path) -> None:
    ledger = write_three(tmp_path)
    path = tmp_path / "search" / "rte-3-kd" / "trial-0000" / "end.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    with pytest.raises(CacheError, match=r"end\.json was written by a newer version") as caught:
        ledger.events()
    assert "mv" not in str(caught.value)


def test_foreign_files_are_named_and_left_alone(tmp_path: Path) -> None:
    write_three(tmp_path / "ledger")
    for name in ("notes.txt", "search/rte-3-kd/end.json", ".DS_Store"):
        (tmp_path / "ledger" / name).write_text("not JSON")
    ledger = Ledger(tmp_path / "ledger")
    assert len(ledger.events()) == 3
    names = "ledger/.DS_Store, ledger/notes.txt, ledger/search/rte-3-kd/end.json"
    assert foreign_note(ledger.foreign, ledger.root).endswith(f"neither read nor changed: {names}")
