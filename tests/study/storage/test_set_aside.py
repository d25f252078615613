"""The error about a damaged ledger, and its advice taken literally."""

import subprocess
from pathlib import Path

import pytest

from pkd.errors import CacheError
from study.storage.ledger import Ledger
from study.storage.mirror import Mirror
from study.storage.set_aside import set_aside
from study.storage.store import SharedFolder
from tests.support.runs.damaged_ledger import (
    DAMAGES,
    FIRST,
    JOB,
    SECOND,
    SEED,
    STUDY,
    delete,
    flip,
    rename,
    write_ledger,
)

MANY = (flip(f"{SEED}/end.json"), delete(f"{FIRST}/start.json"), rename(JOB, f"{JOB[:-1]}3"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_ledger(tmp_path / "a run" / "ledger")
    return tmp_path / "a run" / "ledger"


def refusal(root: Path) -> str:
    with pytest.raises(CacheError) as caught:
        Ledger(root, study=STUDY)
    return str(caught.value)


def files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def follow(message: str) -> None:
    """Does what a message says, with its own words."""
    commands = [line for line in message.splitlines() if line.startswith("    ")]
    subprocess.run(["sh", "-ec", "\n".join(commands)], check=True, timeout=60)


def test_one_message_names_all_damaged_trials_and_what_to_do_with_each(root: Path) -> None:
    for damage in MANY:
        damage(root)
    out = root.parent
    assert refusal(root).splitlines() == [
        "3 trials are damaged in the ledger; all others are as they were:",
        f"  {SEED}/end.json: its checksum differs",
        f"    mkdir -p '{out}/superseded' && mv '{root}/{SEED}' "
        f"'{out}/superseded/confirm-rte-2-ft-seed-0000-1'",
        f"  {JOB[:-1]}3: it was moved here from {JOB}",
        f"    mv '{root}/{JOB[:-1]}3' '{root}/{JOB}'",
        f"  {FIRST}/start.json: it is missing",
        f"    mkdir -p '{out}/superseded' && mv '{root}/{FIRST}' "
        f"'{out}/superseded/search-rte-2-ft-trial-0000-1'",
        "Do what stands below each trial, then run the same command again: it trains the trials "
        "that are missing then, and no others",
    ]


@pytest.mark.parametrize("kind", DAMAGES)
def test_the_advice_makes_the_ledger_usable_and_touches_no_other_trial(
    root: Path, kind: str
) -> None:
    damage, trial, _ = DAMAGES[kind]
    damage(root)
    others = {name: content for name, content in files(root).items() if trial not in name}
    message = refusal(root)
    assert "delete" not in message.lower() and len(message.splitlines()) == 4
    follow(message)
    Ledger(root, study=STUDY)
    assert {name: files(root)[name] for name in others} == others


def test_what_was_set_aside_before_is_kept(root: Path) -> None:
    kept = root.parent / "superseded" / "confirm-rte-2-ft-seed-0000-1"
    kept.mkdir(parents=True)
    flip(f"{SEED}/end.json")(root)
    follow(refusal(root))
    assert list(kept.iterdir()) == []
    assert len(list(kept.with_name("confirm-rte-2-ft-seed-0000-2").iterdir())) == 5


def test_files_that_may_not_be_read_are_not_moved(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As root, who may read everything, for another user's file.
    closed = root / SECOND / "end.json"

    def refuse(path: Path) -> bytes:
        if path == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return path.read_bytes()

    monkeypatch.setattr("pkd.files.ledger.event.read_file", refuse)
    monkeypatch.setattr("os.access", lambda path, mode: path != closed)
    assert refusal(root).splitlines()[1:3] == [
        f"  {SECOND}/end.json: Permission denied",
        f"    give this user the right to read {closed}",
    ]


def test_a_trial_at_a_uri_is_named_by_its_place_there(tmp_path: Path) -> None:
    store = Mirror((tmp_path / "storage").as_uri(), tmp_path / "cache", 1 << 30)
    ledger = tmp_path / "cache" / "ledger"
    place = f"{tmp_path}/storage/ledger/{SEED}"
    assert set_aside(ledger / SEED, ledger, store) == f"move local:{place} out of the ledger"
    assert set_aside(ledger / SEED, ledger, SharedFolder()).startswith("mkdir -p ")
