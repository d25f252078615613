"""Damage in the ledger of a real study: one message, and its advice brings the study back.

Damaged caches, which the trials need that are trained again, are made again.
"""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands.study_process import Finished, Study
from tests.support.runs.damaged_ledger import change, copy, delete, rename, write

pytestmark = pytest.mark.slow

FT, SKIP = "confirm/rte-2-ft", "confirm/rte-2-pkd-skip"
DAMAGES = {
    f"{FT}/seed-0000": delete(f"{FT}/seed-0000/start.json"),
    f"{SKIP}/seed-0001": delete(f"{SKIP}/seed-0001/report-0002.json"),
    f"{FT}/seed-0002": copy(f"{FT}/seed-0001", f"{FT}/seed-0002"),
    "predict/rte-2-ft/job-0000": rename("predict/rte-2-ft/job-0000", "predict/rte-2-ft/job-0007"),
    "confirm/sst2-2-ft/seed-0001": change(
        "confirm/sst2-2-ft/seed-0001/end.json", keep_checksum=False, score=0.99
    ),
}
REASONS = (
    f"{FT}/seed-0000/start.json: it is missing",
    f"{SKIP}/seed-0001/report-0002.json: it is missing",
    f"{FT}/seed-0002: it is a copy of {FT}/seed-0001",
    "predict/rte-2-ft/job-0007: it was moved here from predict/rte-2-ft/job-0000",
    "confirm/sst2-2-ft/seed-0001/end.json: it has no checksum",
)


def test_a_damaged_ledger_is_refused_and_its_advice_restores_the_study(
    finished: Finished,
    tmp_path: Path,
    without_ray: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    study = Study(tmp_path / "run", finished.study.data, finished.study.model)
    shutil.copytree(finished.study.out, study.out)
    ledger = study.out / "ledger"
    for damage in DAMAGES.values():
        damage(ledger)
    write("search/notes.json", b"{}")(ledger)
    before = {path: path.read_bytes() for path in ledger.rglob("*.json")}

    done = without_ray(study)
    assert done.returncode == 1 and "Traceback" not in done.stdout
    for reason in REASONS:
        assert f"  {reason}\n" in done.stdout
    assert "delete" not in done.stdout and "search/notes.json" not in done.stdout
    assert {path: path.read_bytes() for path in ledger.rglob("*.json")} == before

    advice = [line for line in done.stdout.splitlines() if line.startswith("    ")]
    assert len(advice) == len(DAMAGES)
    subprocess.run(["sh", "-ec", "\n".join(advice)], check=True, timeout=60)
    caches = [path for kind in ("tokens", "signals") for path in study.out.glob(f"{kind}/*/*.npy")]
    whole = {path: path.read_bytes() for path in caches}
    for path, content in whole.items():
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    done = study.run()
    assert done.returncode == 0, done.stdout
    assert study.numbers() == finished.study.numbers()
    trained = [line.split()[1:4] for line in done.stdout.splitlines() if " complete score" in line]
    assert sorted("/".join(words) for words in trained) == sorted(
        [f"{FT}/seed-0000", f"{SKIP}/seed-0001", "confirm/sst2-2-ft/seed-0001"]
    )
    assert "is damaged (its checksum differs)" in done.stdout
    assert {path: path.read_bytes() for path in caches} == whole
    assert "neither read nor changed: ledger/search/notes.json" in done.stdout
    assert (ledger / "search" / "notes.json").read_bytes() == b"{}"
    assert "ledger/search/notes.json" in (study.out / "report" / "report.md").read_text()
