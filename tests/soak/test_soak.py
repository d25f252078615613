"""The parts of the soak: a fault that a kill could cause is noticed and counted."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.soak import kills, ledger_watch, moments, table
from tests.soak.compared_runs import compare_ledgers, compare_trainings
from tests.soak.records import Ended, Killed, Records
from tests.support.runs.recorded_trial import record_trial


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with two trials of one cell."""
    for number in range(2):
        settings = {"learning_rate": 1e-3 * (1 + number)}
        record_trial(
            tmp_path / "run", "search", "rte-2-ft", f"trial-{number:04d}", settings, score=0.5
        )
    return tmp_path / "run"


def change(event: Path, **fields: object) -> None:
    event.write_text(json.dumps(json.loads(event.read_text()) | fields))


# The ledger -----------------------------------------------------------------------------------


def test_events_that_are_lost_or_changed_are_counted(run: Path) -> None:
    watch = ledger_watch.LedgerWatch(run)
    assert watch.look() == (0, 0)
    trial = run / "ledger" / "search" / "rte-2-ft" / "trial-0000"
    record_trial(run, "confirm", "rte-2-ft", "seed-0000")
    assert watch.look() == (0, 0)
    change(trial / "report-0001.json", score=0.75)
    (trial / "end.json").unlink()
    assert watch.look() == (1, 1)


def test_a_training_under_two_names_and_a_number_used_twice_are_doubled(run: Path) -> None:
    assert ledger_watch.doubled(run) == 0
    cell = run / "ledger" / "search" / "rte-2-ft"
    shutil.copytree(cell / "trial-0000", cell / "trial-0002")
    # One training, and the numbers of its three events.
    assert ledger_watch.doubled(run) == 1 + 3


def test_epochs_that_were_trained_again_are_counted_by_the_logs(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "search" / "rte-2-ft" / "trial-0000.log"
    log.parent.mkdir(parents=True)
    lines = [f"2026-01-01 00:00:00,000 7 INFO epoch {epoch}: score 0.5" for epoch in (1, 2, 2, 3)]
    log.write_text("\n".join(lines))
    assert ledger_watch.epochs(tmp_path) == (4, 1)


# Moments --------------------------------------------------------------------------------------


def test_the_moment_of_a_kill_is_told_by_the_ledger(run: Path) -> None:
    assert moments.moment_now(run / "nothing", at_start=0) == "start"
    recorded = len(moments.event_files(run))
    assert moments.moment_now(run, at_start=recorded) == "resume"
    assert moments.moment_now(run, at_start=0) == "search"
    assert not moments.is_past("search", run) and moments.is_past("start", run)
    for number in range(2, moments.PLANNED["search"]):
        record_trial(run, "search", "rte-2-ft", f"trial-{number:04d}", {"number": number})
    assert moments.moment_now(run, at_start=0) == "after search"
    assert moments.is_past("search", run) and moments.is_past("after search", run)
    for stage, trials in moments.PLANNED.items():
        for number in range(trials if stage != "search" else 0):
            record_trial(run, stage, "rte-2-ft", f"seed-{number:04d}", {"number": number})
    assert moments.moment_now(run, at_start=recorded) == "report"
    assert moments.moment_now(run, at_start=len(moments.event_files(run))) == "again"


# Kills ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("driver", -signal.SIGKILL),
        ("group", -signal.SIGKILL),
        ("ctrl-c", -signal.SIGINT),
        ("sigterm", -signal.SIGTERM),
        ("gcs", -signal.SIGKILL),  # without a Ray, the driver is killed
    ],
)
def test_a_driver_is_killed(kind: str, code: int) -> None:
    wait = (
        "import signal, time; signal.signal(2, signal.SIG_DFL); print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", wait], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        killed = kills.kill(kind, process.pid, Random(0))
        assert killed == ("driver" if kind == "gcs" else kind)
        assert process.wait(timeout=60) == code


def test_every_kind_gets_its_share() -> None:
    cards = kills.deck(list(kills.EXPECTED), "1")
    drawn = [next(cards) for _ in range(3 * len(kills.EXPECTED))]
    assert {drawn.count(kind) for kind in kills.EXPECTED} == {3}


# Records and tables ---------------------------------------------------------------------------

GOOD = Killed(0, "search", "search", "gcs", 0)
WHOLE = Ended(0, 1, 2, 32, 0, 0, 0, 60, 1, 120)


def test_a_stopped_soak_knows_what_it_did(tmp_path: Path) -> None:
    Records(tmp_path).add(GOOD, Killed(0, "signals"), WHOLE)
    again = Records(tmp_path)
    assert again.kills == [GOOD, Killed(0, "signals")] and again.studies == [WHOLE]
    assert again.done == 1  # nothing was killed in the signals


def test_the_table_counts_kills_by_moment_and_kind(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.add(GOOD, GOOD, Killed(0, "report", "report", "driver", -9), WHOLE)
    text = table.markdown(records)
    assert "| search | 0 | 0 | 0 | 0 | 0 | 0 | 2 | 2 |" in text
    assert "| **all** | 1 | 0 | 0 | 0 | 0 | 0 | 2 | 3 |" in text
    assert "All as expected." in text and not table.failed(records)


@pytest.mark.parametrize(
    "bad",
    [
        Killed(0, "search", "search", "gcs", 1, expected=False),
        Killed(0, "search", "search", "driver", -9, lost=1),
        Killed(0, "search", "search", "driver", -9, changed=1),
        Ended(0, 1, 2, 32, 0, 0, 1, 60, 1, 120),
        Ended(0, 1, 2, 32, 0, 0, 0, 60, 1, 120, ["search/rte-2-ft/trial-0000/end: score"]),
        Ended(0, 1, 2, 32, 0, 0, 0, 60, 1, 120, left=1),
    ],
)
def test_a_soak_fails_by_any_fault(tmp_path: Path, bad: Killed | Ended) -> None:
    records = Records(tmp_path)
    records.add(bad)
    assert table.failed(records)


# Comparing two studies ------------------------------------------------------------------------


def test_a_difference_names_the_event_and_its_fields(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(run, other)
    trial = other / "ledger" / "search" / "rte-2-ft" / "trial-0000"
    change(trial / "end.json", time=0, seq=99)
    assert compare_ledgers(run, other).same
    change(trial / "end.json", score=0.25, epochs=2)
    shutil.rmtree(trial.with_name("trial-0001"))
    found = compare_ledgers(run, other)
    assert found.different == ["search/rte-2-ft/trial-0000/end: epochs, score"]
    assert len(found.missing) == 3 and not found.added and found.equal == 2


def test_trainings_are_compared_whatever_their_names(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    first = record_trial(
        other, "search", "rte-2-ft", "trial-0005", {"learning_rate": 1e-3}, score=0.5
    )
    found = compare_trainings(run, other)
    assert found.equal == 1 and not found.different and len(found.missing) == 1
    change(first / "report-0001.json", score=0.75)
    assert len(compare_trainings(run, other).different) == 1
