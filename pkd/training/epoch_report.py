"""The report of one epoch of a training."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

CONSTANT = "(constant: predicts a single class)"


@dataclass(frozen=True)
class EpochReport:
    """The results of one epoch.

    Attributes:
        epoch: 1-based.
        score: the mean of the task's metrics on its first dev split.
        metrics: each metric of each dev split.
        train_loss: mean over the epoch's steps, in the recipe's scale.
        train_accuracy: of the model while it trained, dropout on; 0 … 1.
        train_curve: loss and accuracy within the epoch, one `CurvePoint` each.
        dev_loss: cross-entropy on the first dev split, nats.
        classes_predicted: how many classes occur in the predictions of the first dev split.
        train_seconds: time in training steps.
        eval_seconds: time in evaluation.
        samples: training rows of the epoch; a row that was seen twice counts twice.
        micro_batches: parts in which each batch was computed; more than 1 if memory ran out.
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

    @property
    def constant(self) -> bool:
        """Whether the model predicts a single class: it has learnt nothing, whatever its score."""
        return self.classes_predicted == 1

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as JSON-like values."""
        return asdict(self)

    def __str__(self) -> str:
        speed = self.samples / self.train_seconds
        constant = f" {CONSTANT}" if self.constant else ""
        return (
            f"epoch {self.epoch}: score {self.score:.4f}{constant}, dev loss "
            f"{self.dev_loss:.4f}, train "
            f"loss {self.train_loss:.4f}, train accuracy {self.train_accuracy:.4f}, "
            f"{speed:.0f} samples/s"
        )


POINTS = 20


@dataclass(frozen=True)
class CurvePoint:
    """Loss and accuracy over the steps since the previous point.

    Attributes:
        step: steps of the whole training up to and including this point.
        loss: mean over these steps, in the recipe's scale.
        accuracy: of the model while it trained, dropout on; 0 … 1.
    """

    step: int
    loss: float
    accuracy: float


class EpochCurve:
    """Sums up an epoch in at most `POINTS` equal parts, on the device, so that no step waits.

    Args:
        steps: steps of an epoch.
        device: where the losses are.
    """

    def __init__(self, steps: int, device: torch.device) -> None:
        self.steps = steps
        self.sums = torch.zeros(POINTS, 3, dtype=torch.float64, device=device)

    def add(self, step: int, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Counts one batch; ``step`` is 0-based within the epoch.

        Rows without a label (-100) do not count for the accuracy.
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
        """Returns the points of an epoch (0-based); parts without a labelled row have none."""
        found, done = [], 0
        for part, (loss, right, rows) in enumerate(self.sums.tolist()):
            # The first step that belongs to the next part.
            end = math.ceil((part + 1) * self.steps / POINTS)
            if end > done and rows > 0:
                step = epoch * self.steps + end
                found.append(CurvePoint(step, loss / (end - done), right / rows))
            done = end
        return found
