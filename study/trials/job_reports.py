"""What one-step jobs report: typed, and as the ledger holds it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

Scores = dict[str, dict[str, float]]


class JobResult(Protocol):
    """What a job found."""

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON-like values."""


@dataclass(frozen=True)
class JobReport:
    """The report of a job, which counts as one epoch.

    Its score is 0, unless the result holds one: nobody compares it.

    Attributes:
        train_seconds: time that the job took.
        result: what it found.
    """

    train_seconds: float
    result: JobResult

    @property
    def epoch(self) -> int:
        """Always the first."""
        return 1

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-like values."""
        seconds = {"train_seconds": self.train_seconds, "eval_seconds": 0.0}
        return {"epoch": self.epoch, "score": 0.0, **seconds, **self.result.to_dict()}


@dataclass(frozen=True)
class SignalsResult:
    """The signals of a teacher.

    Attributes:
        folder: name of the folder that holds them.
    """

    folder: str

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON-like values."""
        return {"folder": self.folder}


@dataclass(frozen=True)
class PredictResult:
    """The predictions of a model.

    Attributes:
        files: the SHA-256 of the file of each split that was predicted.
        metrics: each metric of each held-out split.
    """

    files: dict[str, str]
    metrics: Scores

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON-like values; without held-out splits it has no ``metrics``."""
        metrics = {"metrics": self.metrics} if self.metrics else {}
        return {"splits": list(self.files), "files": self.files} | metrics


@dataclass(frozen=True)
class TeacherScores:
    """The scores of a given teacher; the names are those of an epoch report.

    Attributes:
        score: the mean of the task's metrics on its first dev split.
        metrics: each metric of each dev split.
        dev_loss: cross-entropy on the first dev split, nats.
        classes_predicted: classes that occur in the predictions of the first dev split.
        device: where it ran.
    """

    score: float
    metrics: Scores
    dev_loss: float
    classes_predicted: int
    device: str


@dataclass(frozen=True)
class GivenTeacherResult:
    """The scores of a task's given teachers.

    Attributes:
        first: those of its first teacher.
        others: those of the other teachers of its ensemble.
    """

    first: TeacherScores
    others: Sequence[TeacherScores] = ()

    def to_dict(self) -> dict[str, Any]:
        """The first one's scores as JSON-like values, and the others' under ``further``."""
        others = {"further": [asdict(scores) for scores in self.others]} if self.others else {}
        return asdict(self.first) | others
