"""``pkd-study pull`` into a folder that holds a study already."""

import shutil
from pathlib import Path

import pytest
import yaml

from pkd.errors import InputError
from study.storage.ledger import Ledger
from study.storage.study_copy import pull
from tests.support.runs.damaged_ledger import FIRST, SECOND, STUDY, write_ledger


def write_study(folder: Path, identity: str) -> None:
    record = {"format": 1, "name": "x", "id": identity, "created": "", "config": {}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.yaml").write_text(yaml.safe_dump(record))


def test_a_second_copy_has_no_events_of_trials_that_were_set_aside(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    write_study(there, STUDY)
    write_ledger(there / "ledger")
    pull(there.as_uri(), here)
    (here / "notes.txt").write_text("mine")
    shutil.rmtree(there / "ledger" / FIRST)
    (there / "ledger" / SECOND / "end.json").unlink()
    pull(there.as_uri(), here)
    ledger = Ledger(here / "ledger", study=STUDY)
    assert ledger.events() == Ledger(there / "ledger", study=STUDY).events()
    assert len(ledger.events()) == 18 - 5 - 1 and (here / "notes.txt").exists()


def test_a_folder_of_another_study_is_refused_and_kept(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    write_study(there, STUDY)
    write_study(here, "77b0")
    write_ledger(here / "ledger", "77b0")
    with pytest.raises(InputError, match="holds another study .* has the id 77b0, not 5a1d"):
        pull(there.as_uri(), here)
    assert len(Ledger(here / "ledger", study="77b0").events()) == 18
