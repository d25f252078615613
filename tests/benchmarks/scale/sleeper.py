"""A trial that only sleeps and reports, for `many_trials`: no torch, no files."""

import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class SleptEpoch:
    """An epoch report with the shape and size of a real one; the trial's name decides the score.

    Attributes:
        cell: the cell's name.
        trial: the trial's name.
        epoch: 1-based.
        private_mb: memory that only the trial's process uses.
    """

    cell: str
    trial: str
    epoch: int
    private_mb: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as JSON-like values."""
        score = zlib.crc32(f"{self.cell} {self.trial} {self.epoch}".encode()) / 2**32
        first = 80 * (self.epoch - 1)
        curve = [
            {"step": first + 4 * point, "loss": score / point, "accuracy": 1 - score / point}
            for point in range(1, 21)
        ]
        return {
            **{"epoch": self.epoch, "score": score, "metrics": {"validation": {"f1": score}}},
            **{"train_loss": score, "train_accuracy": score, "train_curve": curve},
            **{"dev_loss": score, "classes_predicted": 2, "samples": 2490, "micro_batches": 1},
            **{"train_seconds": 1.5, "eval_seconds": 0.5, "device": "cpu"},
            "private_mb": self.private_mb,
        }


@dataclass(frozen=True)
class SleeperWork:
    """A trial that sleeps.

    Attributes:
        cell: the cell's name.
        trial: the trial's name.
        recorded: number of epochs that the ledger holds.
        sleep: seconds of an epoch.
    """

    cell: str
    trial: str
    recorded: int
    sleep: float


class Sleeper:
    """Runs a trial that sleeps, from the first epoch that is not recorded."""

    def __init__(self, work: SleeperWork) -> None:
        self._work, self._epoch = work, work.recorded

    def step(self) -> dict[str, Any]:
        """Sleeps for an epoch."""
        time.sleep(self._work.sleep)
        self._epoch += 1
        report = SleptEpoch(self._work.cell, self._work.trial, self._epoch, _private_mb())
        return {"report": report}


def _private_mb() -> float:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1e3
