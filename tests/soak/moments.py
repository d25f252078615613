"""When a study is killed: its moments, how long they last, and the wait for one of them."""

import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

from pkd.files.ledger.event import STAGES

# How many kills each moment of a study gets, in the order of the moments. `again` is the command
# on a study that is complete.
SHARES = {
    "start": 1,
    "teachers": 2,
    "after teachers": 1,
    "signals": 2,
    "after signals": 1,
    "resume": 2,
    "search": 3,
    "after search": 1,
    "confirm": 3,
    "after confirm": 1,
    "predict": 2,
    "report": 1,
    "again": 1,
}
# Trials of each stage of the soak's study (`tests.soak.session.study_of`).
PLANNED = {"teachers": 4, "signals": 2, "search": 12, "confirm": 8, "predict": 6}
_GAP_S = 0.3

Lengths = dict[str, float]


def schedule() -> list[str]:
    """Returns the moments at which one study is killed, in order."""
    return [moment for moment, share in SHARES.items() for _ in range(share)]


def event_files(out: Path) -> list[Path]:
    """Returns the events that a ledger has now."""
    return list((out / "ledger").glob("*/*/*/*.json"))


def moment_now(out: Path, at_start: int) -> str:
    """Returns the moment that a running study is in.

    Args:
        out: its run folder.
        at_start: how many events it had when the command was started.
    """
    files = event_files(out)
    kinds = Counter(f"{path.parts[-4]} {path.stem}" for path in files)
    complete = all(_is_over(stage, kinds) for stage in STAGES)
    if len(files) == at_start:
        return "again" if complete else "resume" if files else "start"
    if complete:
        return "report"
    begun = [stage for stage in STAGES if kinds[f"{stage} start"]]
    last = begun[-1]
    return f"after {last}" if _is_over(last, kinds) else last


def _is_over(stage: str, kinds: Counter[str]) -> bool:
    # The search may have more trials than planned: constant ones are replaced.
    ended = kinds[f"{stage} end"]
    return ended >= PLANNED[stage] and ended == kinds[f"{stage} start"]


def is_past(moment: str, out: Path) -> bool:
    """Whether a study whose command does not run can no longer come to a moment."""
    files = event_files(out)
    ended = Counter(path.parts[-4] for path in files if path.stem == "end")
    stage = moment.removeprefix("after ")
    if stage in STAGES:
        return ended[stage] >= PLANNED[stage]
    return moment == "start" and bool(files)


def wait_for(
    moment: str,
    out: Path,
    at_start: int,
    process: "subprocess.Popen[bytes]",
    lengths: Lengths,
    rng: Random,
) -> bool:
    """Waits for a random point of a moment; returns False if the process ended before.

    Args:
        moment: one of `SHARES`.
        out: the run folder.
        at_start: how many events it had when the command was started.
        process: the driver.
        lengths: seconds that each moment lasts in an undisturbed study.
        rng: draws the point.
    """
    for _ in _polls(process):
        if _has_begun(moment, out, at_start):
            break
    share = SHARES[moment]
    seconds = _GAP_S if moment.startswith("after") else lengths[moment] / share
    deadline = time.monotonic() + rng.uniform(0, seconds)
    for _ in _polls(process):
        if time.monotonic() >= deadline:
            return True
    return False


def _polls(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    while process.poll() is None:
        yield
        time.sleep(0.01)


def _has_begun(moment: str, out: Path, at_start: int) -> bool:
    if moment in ("start", "resume", "again"):
        return True
    files = event_files(out)
    ended = Counter(path.parts[-4] for path in files if path.stem == "end")
    if moment == "report":
        return ended["predict"] >= PLANNED["predict"]
    stage = moment.removeprefix("after ")
    if stage != moment:
        return ended[stage] >= PLANNED[stage]
    later = STAGES[STAGES.index(stage) :]
    return len(files) > at_start and any(path.parts[-4] in later for path in files)
