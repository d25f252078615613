"""A study that an earlier version began goes on with this one.

``begun_earlier/search_interrupted.tar.xz`` holds the home folder of a user whose study was killed
in the middle of its search, at commit 21416b9, before the code moved into folders: data, model,
configuration and run folder, with the checkpoint of the trial that ran.
"""

import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.commands.study_process import Study

pytestmark = pytest.mark.slow

ARCHIVE = Path(__file__).parent / "begun_earlier" / "search_interrupted.tar.xz"
# What the earlier version proposed when it went on with this study itself.
NEXT_PROPOSAL = {
    "learning_rate": 0.0018126487482616872,
    "temperature": 5.0,
    "alpha": 0.7,
    "beta": 3.0,
    "normalize": True,
}
CELLS = ["rte-3-ft", "rte-3-kd", "rte-3-pkd-last", "rte-3-pkd-skip"]


def finished_trials(study: Study) -> dict[tuple[str, str], dict[str, Any]]:
    """The end event of each trial, by cell and trial."""
    ends = [event for event in study.events() if event["event"] == "end"]
    return {(f"{e['stage']}/{e['task']}-{e['depth']}-{e['method']}", e["trial"]): e for e in ends}


def test_a_study_that_an_earlier_version_began_goes_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(home, filter="data")
    config = yaml.safe_load((home / "run.yaml").read_text())
    # The record calls the home folder ~, so the study can lie in another one.
    environment = {"HOME": str(home)}
    study = Study(home / "run", home / "data", home / "model", "rte", config, environment)
    before = finished_trials(study)
    assert len(before) == 8  # a teacher, its signals, six of the eight trials of the search
    checkpoint = study.out / "checkpoints" / "search" / "rte-3-pkd-skip" / "trial-0001.pt"
    assert checkpoint.exists()

    done = study.run()
    assert done.returncode == 0, done.stdout
    after = finished_trials(study)
    assert {key: after[key] for key in before} == before  # nothing finished is trained again
    searched = [event for key, event in after.items() if key[0].startswith("search/")]
    assert len(searched) == 8 + sum(bool(event["constant"]) for event in searched)
    (proposed,) = (
        event["settings"]
        for event in study.events("search")
        if (event["event"], event["method"], event["trial"]) == ("start", "pkd-last", "trial-0001")
    )
    assert proposed == NEXT_PROPOSAL
    assert sum(key[0].startswith("confirm/") for key in after) == 8
    assert sorted({key[0] for key in after if key[0].startswith("confirm/")}) == [
        f"confirm/{cell}" for cell in CELLS
    ]
    log = study.out / "logs" / "search" / "rte-3-pkd-skip" / "trial-0001.log"
    assert "1 epochs done" in log.read_text()  # it went on from its checkpoint
    assert not checkpoint.exists()
    assert "PKD-Skip" in (study.out / "report" / "report.md").read_text()
