"""Whether a ledger only ever grows, and how often an epoch was trained."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.soak.compared_runs import events_of
from tests.soak.moments import event_files

_LOGGED_EPOCH = re.compile(r" INFO epoch (\d+):")


@dataclass
class LedgerWatch:
    """Remembers all events that a ledger ever had.

    Attributes:
        out: the run folder.
        known: content of each event file, as it was seen first.
    """

    out: Path
    known: dict[Path, bytes] = field(default_factory=dict)

    def look(self) -> tuple[int, int]:
        """Returns how many known events are lost and how many have changed; learns new ones."""
        files = {path: path.read_bytes() for path in event_files(self.out)}
        lost = len(self.known.keys() - files.keys())
        changed = sum(files.get(path, old) != old for path, old in self.known.items())
        self.known = files | self.known
        return lost, changed


def doubled(out: Path) -> int:
    """Returns how many trials were begun again under another name, and events with one number."""
    trainings: Counter[str] = Counter()
    for trial, events in events_of(out).items():
        start = events["start"]
        key = json.dumps([trial.split("/")[:2], start["settings"], start["seed"]], sort_keys=True)
        trainings[key] += 1
    numbers = Counter(json.loads(path.read_text())["seq"] for path in event_files(out))
    return sum(count - 1 for counts in (trainings, numbers) for count in counts.values())


def epochs(out: Path) -> tuple[int, int]:
    """Returns how many epochs the logs show as trained, and how many of them repeat one."""
    trained, repeated = 0, 0
    for log in (out / "logs").rglob("*.log"):
        logged = Counter(_LOGGED_EPOCH.findall(log.read_text()))
        trained += logged.total()
        repeated += logged.total() - len(logged)
    return trained, repeated
