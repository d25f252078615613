"""Scores of predictions."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from pkd.tasks.task import Metric, Task


def score(
    metrics: Sequence[Metric], logits: np.ndarray, labels: np.ndarray, names: Sequence[str] = ()
) -> dict[str, float]:
    """Scores predictions with scikit-learn.

    Args:
        metrics: ``accuracy`` (0 … 1), ``f1`` of label 1 (0 … 1), ``f1:LABEL`` of that label,
            ``macro_f1`` (0 … 1: the mean F1 of the labels that occur in rows or predictions) and
            ``mcc`` (-1 … 1).
        logits: (rows, classes).
        labels: (rows,) codes.
        names: label names in the order of their codes, for ``f1:LABEL``.

    Returns:
        The value of each metric.
    """
    predicted = logits.argmax(axis=1)
    # Without predictions of a label its F1 is undefined; GLUE's server counts it as 0.
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
    """Returns the mean negative log-likelihood of the labels, in nats."""
    loss = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels))
    return float(loss)


def selection_score(task: Task, metrics: dict[str, dict[str, float]]) -> float:
    """Returns the score that a search maximises: the mean metric on the first dev split."""
    first = metrics[task.dev[0]]
    return sum(first.values()) / len(first)
