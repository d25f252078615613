"""Predictions of a model and their scores."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from transformers import PreTrainedModel

from pkd.devices import autocast
from pkd.errors import TrainingError
from pkd.files import write_atomic
from pkd.memory import is_out_of_memory, release_memory
from pkd.tasks import Metric, Task
from pkd.tokens import TokenArrays


@torch.inference_mode()
def predict_logits(
    model: PreTrainedModel,
    tokens: TokenArrays,
    device: torch.device,
    precision: str,
    batch_size: int | None = None,
) -> np.ndarray:
    """Runs a classifier over a split, dropout off; the mode it was in is restored.

    Args:
        model: the classifier.
        tokens: the rows, on ``device``.
        device: where to run.
        precision: ``fp32`` or ``bf16``.
        batch_size: rows a forward pass; see `pkd.tokens.TokenArrays.batches`.

    Returns:
        (rows, classes) fp32, in the order of the rows.

    Raises:
        TrainingError: if a logit is not a finite number.
    """
    was_training = model.training
    model.eval()
    logits = np.empty((len(tokens), int(model.config.num_labels or 0)), dtype=np.float32)
    for rows in tokens.batches(batch_size):
        with autocast(precision, device):
            logits[rows] = _logits_within_memory(model, tokens, rows).float().cpu().numpy()
    model.train(was_training)
    if not np.isfinite(logits).all():
        raise TrainingError("the model predicts values that are not finite: training diverged")
    return logits


def _logits_within_memory(
    model: PreTrainedModel, tokens: TokenArrays, rows: np.ndarray
) -> torch.Tensor:
    try:
        logits: torch.Tensor = model(**tokens.batch(rows)).logits
        return logits
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error) or len(rows) == 1:
            raise
    release_memory()
    halves = np.array_split(rows, 2)
    return torch.cat([_logits_within_memory(model, tokens, half) for half in halves])


def score(
    metrics: Sequence[Metric], logits: np.ndarray, labels: np.ndarray, names: Sequence[str] = ()
) -> dict[str, float]:
    """Scores predictions with scikit-learn.

    Args:
        metrics: ``accuracy`` (0 … 1), ``f1`` of label 1 (0 … 1), ``f1:LABEL`` of that label,
            ``macro_f1`` (0 … 1: the mean F1 of the labels that occur in rows or predictions),
            ``mcc`` (-1 … 1).
        logits: (rows, classes).
        labels: (rows,) codes.
        names: label names in the order of their codes, for ``f1:LABEL``.

    Returns:
        The value of each metric.
    """
    predicted = logits.argmax(axis=1)
    # A model that never predicts a label has no F1 of it; GLUE's server counts it as 0.
    f1 = partial(f1_score, zero_division=0.0)
    functions: dict[str, Callable[[], float]] = {
        "accuracy": lambda: accuracy_score(labels, predicted),
        "f1": lambda: f1(labels, predicted),
        "macro_f1": lambda: f1(labels, predicted, average="macro"),
        "mcc": lambda: matthews_corrcoef(labels, predicted),
    }
    for code, name in enumerate(names):
        functions[f"f1:{name}"] = partial(f1, labels == code, predicted == code)
    return {metric: float(functions[metric]()) for metric in metrics}


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log-likelihood of the labels, in nats."""
    loss = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels))
    return float(loss)


def selection_score(task: Task, metrics: dict[str, dict[str, float]]) -> float:
    """The number a search maximises: the mean of the task's metrics on its first dev split."""
    first = metrics[task.dev[0]]
    return sum(first.values()) / len(first)


def write_predictions(
    path: Path, task: Task, idx: np.ndarray, logits: np.ndarray, labels: np.ndarray | None
) -> None:
    """Writes one row per example to Parquet: idx, label (if known), prediction, logit_<name>."""
    import pyarrow as pa
    from pyarrow import parquet

    columns: dict[str, np.ndarray | list[str]] = {"idx": idx}
    if labels is not None:
        columns["label"] = labels
    columns["prediction"] = logits.argmax(axis=1)
    for code, name in enumerate(task.labels):
        columns[f"logit_{name}"] = logits[:, code]
    table = pa.table(columns)
    write_atomic(path, lambda partial: parquet.write_table(table, partial))
