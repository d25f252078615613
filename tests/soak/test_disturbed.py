"""A whole soak of a study whose command is a script: what it kills, what it notices."""

import sys
from itertools import repeat
from pathlib import Path

import pytest

from tests.soak import moments
from tests.soak.disturbed import Disturbed
from tests.soak.records import Ended, Records
from tests.soak.session import start
from tests.support.commands.study_process import Study

# Writes the trials that the ledger lacks, like a study; a test adds a fault.
SCRIPT = """
import json, os, pathlib, sys, time
out = pathlib.Path(sys.argv[1])
def write(trial, name, **fields):
    trial.mkdir(parents=True, exist_ok=True)
    if not (trial / name).exists():
        seq = len(list(out.glob("ledger/*/*/*/*.json")))
        (trial / "new").write_text(json.dumps({{"seq": seq}} | fields))
        os.replace(trial / "new", trial / name)
    time.sleep(0.02)
time.sleep(0.1)
for stage in ("teachers", "signals", "search", "confirm", "predict"):
    for number in range(2):
        trial = out / "ledger" / stage / "rte-2-ft" / f"trial-{{number:04d}}"
        write(trial, "start.json", settings={{"number": number}}, seed=1)
        write(trial, "report-0001.json", epoch=1, score=number / 2)
        write(trial, "end.json", score=number / 2)
{fault}
time.sleep(0.2)
"""
LENGTHS = {"start": 0.1, "resume": 0.2, "search": 0.2, "confirm": 0.1, "report": 0.1, "again": 0.1}


class Scripted(Study):
    """A study whose command is a script."""

    fault = ""

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-c", SCRIPT.format(fault=self.fault), str(self.out)]


def soak(folder: Path, fault: str = "") -> tuple[Ended, Records]:
    """Disturbs the study until it is complete; compares it with an undisturbed one."""
    reference, study = (
        Scripted(folder / name / "run", folder, folder) for name in ("reference", "study")
    )
    assert start(reference, folder / "reference" / "output").end() == 0
    study.fault = fault
    records = Records(folder)
    disturbed = Disturbed(study, 0, LENGTHS, records, repeat("driver"), seed=1)
    disturbed.run()
    return disturbed.result(reference.out, workers=1), records


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A study of two trials a stage, killed at six moments."""
    monkeypatch.setattr(moments, "PLANNED", dict.fromkeys(moments.STAGES, 2))
    shares = {"start": 1, "search": 2, "resume": 1, "confirm": 1, "report": 1, "again": 1}
    monkeypatch.setattr(moments, "SHARES", shares)


def test_a_study_that_loses_nothing_is_equal_to_an_undisturbed_one(tmp_path: Path) -> None:
    ended, records = soak(tmp_path)
    assert (ended.lost, ended.changed, ended.doubled, ended.differences) == (0, 0, 0, [])
    assert ended.trials == 10 and ended.compared == 30 and ended.left == 0
    killed = [record for record in records.kills if record.kind]
    assert len(killed) >= 6 and ended.commands == len(killed) + 1
    assert {record.exit for record in killed} == {-9} and all(each.expected for each in killed)
    assert {record.moment for record in killed} >= {"start", "search", "again"}


def test_a_study_that_changes_a_score_and_loses_a_trial_is_found_out(tmp_path: Path) -> None:
    # At its end, so that the command that is run again after that does it again.
    fault = """
cell = out / "ledger" / "search" / "rte-2-ft"
(cell / "trial-0000" / "report-0001.json").write_text('{"seq": 50, "epoch": 1, "score": 0.9}')
(cell / "trial-0001" / "end.json").unlink()
"""
    ended, records = soak(tmp_path, fault)
    assert ended.lost == 1 and ended.changed == 1
    assert any(record.lost for record in records.kills)
    assert ended.differences == [
        "search/rte-2-ft/trial-0000/report-0001: score",
        "search/rte-2-ft/trial-0001/end",
    ]
