"""What one epoch of a training gave."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Report:
    """What one epoch gave.

    Attributes:
        epoch: 1-based.
        score: the mean of the task's metrics on its first dev split.
        metrics: each metric of each dev split.
        train_loss: mean over the epoch's steps, in the recipe's scale.
        train_accuracy: of the model while it trained, dropout on; 0 … 1.
        train_curve: how both went within the epoch, see `pkd.training.epoch_report.CurvePoint`.
        dev_loss: cross-entropy on the first dev split, nats.
        classes_predicted: classes that occur in the predictions of the first dev split; a model
            that predicts one class only has learnt nothing, whatever its score.
        train_seconds: time in training steps.
        eval_seconds: time in evaluation.
        samples: training rows of the epoch, each as often as it was seen.
        micro_batches: parts that each batch was computed in; more than 1 where memory ran out.
        device: where it ran.
    """

    epoch: int
    score: float
    metrics: dict[str, dict[str, float]]
    train_loss: float
    train_accuracy: float
    train_curve: list[dict[str, float]]
    dev_loss: float
    classes_predicted: int
    train_seconds: float
    eval_seconds: float
    samples: int
    micro_batches: int
    device: str

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-like values."""
        return asdict(self)

    def __str__(self) -> str:
        speed = self.samples / self.train_seconds
        return (
            f"epoch {self.epoch}: score {self.score:.4f}, dev loss {self.dev_loss:.4f}, train "
            f"loss {self.train_loss:.4f}, train accuracy {self.train_accuracy:.4f}, "
            f"{speed:.0f} samples/s"
        )


POINTS = 20


@dataclass(frozen=True)
class CurvePoint:
    """The batches since the point before it.

    Attributes:
        step: steps of the whole training that were done, this point's included.
        loss: mean over these steps, in the recipe's scale.
        accuracy: of the model while it trained, dropout on; 0 … 1.
    """

    step: int
    loss: float
    accuracy: float


class EpochCurve:
    """Adds an epoch up in at most `POINTS` equal parts, on the device: a step waits for nothing.

    Args:
        steps: steps of an epoch.
        device: where the losses are.
    """

    def __init__(self, steps: int, device: torch.device) -> None:
        self.steps = steps
        self.sums = torch.zeros(POINTS, 3, dtype=torch.float64, device=device)

    def add(self, step: int, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Counts one batch; ``step`` is 0-based within the epoch.

        The accuracy is that of the rows with labels; -100 is none.
        """
        right = (logits.argmax(dim=-1) == labels).sum()
        rows = (labels >= 0).sum()
        self.sums[step * POINTS // self.steps] += torch.stack([loss, right, rows])

    @property
    def finite(self) -> bool:
        """Whether every loss so far was a finite number; makes a GPU wait."""
        return bool(torch.isfinite(self.sums).all())

    def totals(self) -> tuple[float, float]:
        """Mean loss over the epoch's steps, and accuracy over its rows."""
        loss, right, rows = self.sums.sum(dim=0).tolist()
        return loss / self.steps, right / rows

    def points(self, epoch: int) -> list[CurvePoint]:
        """The points of a whole epoch; ``epoch`` is 0-based. Parts without a label have none."""
        found, done = [], 0
        for part, (loss, right, rows) in enumerate(self.sums.tolist()):
            # The first step that belongs to the next part.
            end = -(-(part + 1) * self.steps // POINTS)
            if end > done and rows > 0:
                step = epoch * self.steps + end
                found.append(CurvePoint(step, loss / (end - done), right / rows))
            done = end
        return found
