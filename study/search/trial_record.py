"""What is known of one trial, and what a trial reports."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from study.search.samplers import Settings

CONTINUE, STOP = "continue", "stop"


class TrialReport(Protocol):
    """The report of an epoch (`pkd.training.epoch_report.EpochReport`) or of a one-step job."""

    @property
    def epoch(self) -> int:
        """1-based."""

    def to_dict(self) -> dict[str, Any]:
        """The report as the ledger holds it: ``epoch``, ``score``, seconds and more."""


@dataclass
class TrialRecord:
    """What is known of one trial.

    Attributes:
        number: its number in the cell, 0-based.
        settings: its hyperparameters.
        reports: one for each finished epoch.
        decision: what was decided after the last report.
        state: ``running`` (or waiting to be resumed), ``complete``, ``stopped``, ``failed``.
        constant: whether it has ended and its best epoch predicts a single class for the first
            dev split.
    """

    number: int
    settings: Settings
    reports: list[dict[str, Any]] = field(default_factory=list)
    decision: str = CONTINUE
    state: str = "running"
    constant: bool = False

    @property
    def best(self) -> dict[str, Any] | None:
        """The report of the best epoch (the first of equals)."""
        return max(self.reports, key=lambda report: report["score"], default=None)

    @property
    def seconds(self) -> float:
        """Device seconds that the recorded epochs took."""
        return float(
            sum(report["train_seconds"] + report["eval_seconds"] for report in self.reports)
        )
