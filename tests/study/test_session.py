"""A session checks the ledger before it prepares anything, also for ``--dry-run``."""

from collections.abc import Callable
from pathlib import Path

from tests.support.runs.damaged_ledger import FIRST, SEED, delete, flip, write, write_ledger

DryRun = Callable[..., tuple[int, str]]


def test_a_damaged_ledger_is_refused_with_all_trials_named(
    dry_run: DryRun, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    write_ledger(out / "ledger")
    for damage in (flip(f"{SEED}/end.json"), delete(f"{FIRST}/start.json")):
        damage(out / "ledger")
    code, error = dry_run("--out", str(out))
    assert code == 1 and "error: 2 trials are damaged in the ledger" in error
    assert f"{SEED}/end.json: its checksum differs" in error
    assert f"mv {out}/ledger/{FIRST} {out}/superseded/search-rte-2-ft-trial-0000-1" in error
    assert not (out / "tokens").exists()


def test_foreign_files_in_the_ledger_stop_nothing(dry_run: DryRun, tmp_path: Path) -> None:
    out = tmp_path / "run"
    write_ledger(out / "ledger")
    write("search/notes.json", b"{}")(out / "ledger")
    assert dry_run("--out", str(out)) == (0, "")
    assert (out / "ledger" / "search" / "notes.json").read_bytes() == b"{}"
