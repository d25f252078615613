"""The id of a study, which every event of its ledger names."""

from pathlib import Path

from study.storage.layout import Layout
from study.storage.ledger import Ledger
from study.storage.study_file import study_id
from tests.support.runs.damaged_ledger import STUDY, write_ledger


def test_the_recorded_id_counts(layout: Layout) -> None:
    write_ledger(layout.ledger, "77b0")
    assert study_id(layout) == "5a1d"


def test_a_lost_record_leaves_the_id_of_the_ledger(tmp_path: Path) -> None:
    write_ledger(tmp_path / "ledger")
    assert study_id(Layout(tmp_path)) == STUDY


def test_a_new_study_and_one_of_an_older_version_get_a_new_id(layout: Layout) -> None:
    layout.study_file.unlink()
    first, second = study_id(layout), study_id(layout)
    assert first != second and len(first) == 32
    layout.study_file.write_text("{format: 1, name: tiny, created: '', config: {}}")
    assert len(study_id(layout)) == 32


def test_a_renamed_run_folder_stays_valid(tmp_path: Path) -> None:
    write_ledger(tmp_path / "run" / "ledger")
    (tmp_path / "run").rename(tmp_path / "elsewhere")
    assert len(Ledger(tmp_path / "elsewhere" / "ledger", study=STUDY).events()) == 18
