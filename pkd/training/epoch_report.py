"""What one epoch of a training gave."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Report:
    """What one epoch gave.

    Attributes:
        epoch: 1-based.
        score: the mean of the task's metrics on its first dev split.
        metrics: each metric of each dev split.
        train_loss: mean over the epoch's steps, in the recipe's scale.
        train_accuracy: of the model while it trained, dropout on; 0 … 1.
        train_curve: how both went within the epoch, see `pkd.curve.CurvePoint`.
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
