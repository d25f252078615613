"""A whole ledger: whatever happens to its files is either named or changes nothing."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pkd.files.ledger.reader import LedgerContent, read_ledger
from tests.support.runs.damaged_ledger import DAMAGES, FOREIGN, SECOND, STUDY, write_ledger


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_ledger(tmp_path / "ledger")
    return tmp_path / "ledger"


def damaged(content: LedgerContent, root: Path) -> dict[str, list[str]]:
    return {
        str(trial.folder.relative_to(root)): [
            f"{problem.path.relative_to(root)}: {problem.reason}" for problem in trial.problems
        ]
        for trial in content.damaged
    }


def test_a_valid_ledger_is_read_as_it_was_written(root: Path) -> None:
    content = read_ledger(root, STUDY)
    assert [event["seq"] for event in content.events()] == list(range(1, 19))
    assert content.damaged == [] and content.foreign == []
    assert [trial.folder.name for trial in content.trials] == [
        *("seed-0000", "job-0000", "trial-0000", "trial-0001")
    ]


def test_a_part_of_a_ledger_is_read(root: Path) -> None:
    (root / SECOND).rename(root / "search" / "rte-2-ft" / "trial-0005")
    assert len(read_ledger(root, STUDY, ["confirm"]).events()) == 5
    assert read_ledger(root, STUDY, ["search"], "rte-2-kd").trials == []
    [moved] = read_ledger(root, STUDY, ["search"], "rte-2-ft").damaged
    assert moved.folder.name == "trial-0005"
    assert read_ledger(root.with_name("none"), STUDY) == LedgerContent()


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_named_and_other_trials_are_used(root: Path, kind: str) -> None:
    damage, trial, reason = DAMAGES[kind]
    damage(root)
    content = read_ledger(root, STUDY)
    found = damaged(content, root)
    assert list(found) == [trial] and reason in found[trial][0]
    whole = [len(each.events) for each in content.trials if not each.problems]
    assert sum(whole) in (13, 15, 18)  # those of a trial of three epochs, or of a job, are missing


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files_are_named_and_change_nothing(root: Path, name: str) -> None:
    before = read_ledger(root, STUDY).events()
    FOREIGN[name](root)
    content = read_ledger(root, STUDY)
    assert content.events() == before and content.damaged == []
    assert [str(path.relative_to(root)) for path in content.foreign] == [name]


def test_a_copied_cell_is_named_trial_by_trial(root: Path) -> None:
    shutil.copytree(root / "search" / "rte-2-ft", root / "search" / "rte-2-ft (copy)")
    found = damaged(read_ledger(root, STUDY), root)
    assert list(found.values()) == [
        [f"search/rte-2-ft (copy)/{trial}: it is a copy of search/rte-2-ft/{trial}"]
        for trial in ("trial-0000", "trial-0001")
    ]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_of_any_byte_passes_in_silence(root: Path, data: st.DataObject) -> None:
    files = sorted(root.rglob("*.json"))
    path = data.draw(st.sampled_from(files))
    content = path.read_bytes()
    at = data.draw(st.integers(0, len(content) - 2))  # the last byte is a line break
    changed = bytearray(content)
    changed[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[at]))
    whole = read_ledger(root, STUDY).events()
    path.write_bytes(changed)
    try:
        content_now = read_ledger(root, STUDY)
        assert content_now.damaged or content_now.events() == whole
    finally:
        path.write_bytes(content)
