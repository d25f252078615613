"""A trial that only sleeps and reports, for `many_trials`: no torch, no files."""

import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray import tune


@dataclass(frozen=True)
class SleptEpoch:
    """A report of a real one's shape and size; the score is chance, decided by the trial's name.

    Attributes:
        cell: the cell's name.
        trial: the trial's name.
        epoch: 1-based.
        private_mb: memory that the trial's process shares with no other.
    """

    cell: str
    trial: str
    epoch: int
    private_mb: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-like values."""
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


class Sleeper(tune.Trainable):
    """Config: ``cell``, ``trial``, ``recorded`` (epochs that are done), ``sleep`` (seconds)."""

    def setup(self, config: dict[str, Any]) -> None:
        """Goes on after the last recorded epoch."""
        self._job, self._epoch = config, config["recorded"]

    def step(self) -> dict[str, Any]:
        """Sleeps for an epoch."""
        time.sleep(self._job["sleep"])
        self._epoch += 1
        return {
            "report": SleptEpoch(self._job["cell"], self._job["trial"], self._epoch, _private_mb())
        }


def _private_mb() -> float:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1e3
