"""Whether an ONNX file agrees with the PyTorch weights that it was made from."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from pkd.data.tokens import TokenArrays
from pkd.errors import InputError, listed, shown
from pkd.evaluation.metrics import score
from pkd.tasks.task import Metric

FP32, ONNX, INT8 = "PyTorch fp32", "ONNX", "ONNX int8"  # forms of a model
_MOST_CHANGED = {ONNX: 0.0, INT8: 0.01}  # share of the dev rows
_LARGEST_DROP = 2.0  # points


@dataclass(frozen=True)
class Tolerance:
    """How far a form may differ from PyTorch fp32 on the dev rows.

    One changed label, and one row of a class, are always within limits above 0: in few rows a
    share says little.

    Attributes:
        changed: the largest share of rows with another label, 0 … 1.
        drop: the largest loss of score, and of recall of a class, in points.
    """

    changed: float
    drop: float


def tolerances(max_changed: float | None, max_drop: float | None) -> dict[str, Tolerance]:
    """Returns how far each ONNX form may differ.

    Args:
        max_changed: `Tolerance.changed` of all forms; by default 0, and 0.01 for int8.
        max_drop: `Tolerance.drop` of all forms; 2 points by default.

    Raises:
        InputError: for an impossible limit.
    """
    if max_changed is not None and not 0 <= max_changed <= 1:
        raise InputError(
            f"--max-changed is {max_changed:g}, but must be between 0 and 1: it is a share of the "
            "dev rows"
        )
    if max_drop is not None and not max_drop >= 0:
        raise InputError(f"--max-drop is {max_drop:g}, but must be >= 0: it is in points")
    return {
        form: Tolerance(
            default if max_changed is None else max_changed,
            _LARGEST_DROP if max_drop is None else max_drop,
        )
        for form, default in _MOST_CHANGED.items()
    }


def options_of(allowed: Mapping[str, Tolerance]) -> str:
    """Returns the options that set other limits than the defaults, each after a blank."""
    limit, options = allowed[INT8], ""
    if any(allowed[form].changed != share for form, share in _MOST_CHANGED.items()):
        options += f" --max-changed {limit.changed:g}"
    return options + (f" --max-drop {limit.drop:g}" if limit.drop != _LARGEST_DROP else "")


@dataclass(frozen=True, eq=False)
class Judged:
    """The predictions of one form of a model for the dev rows.

    Attributes:
        logits: (rows, classes).
        metrics: the value of each metric.
        classes: for each label its number of ``rows``, ``recall`` and ``f1``, 0 … 1.
    """

    logits: np.ndarray
    metrics: dict[str, float]
    classes: dict[str, dict[str, Any]]

    @property
    def score(self) -> float:
        """The mean of the metrics."""
        return sum(self.metrics.values()) / len(self.metrics)


def judge(
    logits: np.ndarray, labels: np.ndarray, metrics: Sequence[Metric], names: Sequence[str]
) -> Judged:
    """Scores predictions, as a whole and for each label.

    Args:
        logits: (rows, classes).
        labels: (rows,) codes.
        metrics: the task's metrics.
        names: label names, in the order of their codes.
    """
    _, recall, f1, rows = precision_recall_fscore_support(
        labels, logits.argmax(axis=1), labels=range(len(names)), zero_division=0.0
    )
    classes = {
        name: {"rows": int(rows[code]), "recall": float(recall[code]), "f1": float(f1[code])}
        for code, name in enumerate(names)
    }
    return Judged(logits, score(metrics, logits, labels, names), classes)


def changed_rows(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns the rows for which two forms predict different labels."""
    return np.flatnonzero(one.argmax(axis=1) != other.argmax(axis=1))


def largest_difference(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the largest difference of a logit between two forms."""
    return float(np.abs(one - other).max())


def disagreement(
    file: str, torch: Judged, form: Judged, tolerance: Tolerance, tokens: TokenArrays
) -> str | None:
    """Returns what is past the limits, and the options that accept it; None if nothing is.

    Args:
        file: the form's file, for the message.
        torch: the predictions of PyTorch fp32.
        form: the predictions of the form.
        tolerance: the limits.
        tokens: the dev rows.
    """
    if not np.isfinite(form.logits).all():
        return f"{file} predicts values that are not finite"
    changed = changed_rows(torch.logits, form.logits)
    share = len(changed) / len(tokens)
    accept, problems = [], []
    if len(changed) > _allowed(tolerance.changed, len(tokens)):
        problems.append(
            f"predicts another label than PyTorch for {len(changed)} of {len(tokens)} dev rows "
            f"({100 * share:.3g} %; the limit is {100 * tolerance.changed:.3g} %), e.g. the row "
            f"with idx {tokens.idx[changed[0]]}"
        )
        accept.append(f"--max-changed {_ceil(share, 4):g}")
    drops = _drops(torch, form) if len(changed) > 1 else {}
    past = {what: drop for what, drop in drops.items() if drop > tolerance.drop + 1e-9}
    if past:
        falls = [f"{what} falls by {drop:.1f} points" for what, drop in past.items()]
        problems.append(f"{listed(falls, 5)} (the limit is {tolerance.drop:g})")
        accept.append(f"--max-drop {_ceil(max(past.values()), 1):g}")
    if not problems:
        return None
    difference = largest_difference(torch.logits, form.logits)
    return (
        f"{file} {'; '.join(problems)} (the largest difference of a logit is {difference:.2g}). "
        f"Accept that with {' '.join(accept)}"
    )


def _allowed(share: float, rows: int) -> float:
    """Returns how many changed labels are within a limit."""
    return max(share * rows + 1e-9, 1) if share > 0 else 0


def _drops(torch: Judged, form: Judged) -> dict[str, float]:
    """Returns the loss of score, and of recall where a class loses two rows or more, in points."""
    drops = {"the score": 100 * (torch.score - form.score)}
    for name, before in torch.classes.items():
        lost = before["recall"] - form.classes[name]["recall"]
        if round(lost * before["rows"]) > 1:
            drops[f"the recall of {shown(name)}"] = 100 * lost
    return drops


def _ceil(value: float, digits: int) -> float:
    """Rounds up, so that the limit that a message names accepts the value."""
    return math.ceil(round(value * 10**digits, 6)) / 10**digits
