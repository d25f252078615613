"""How far an ONNX file may differ from PyTorch."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pkd.data.tokens import TokenArrays
from pkd.deployment.agreement import (
    INT8,
    ONNX,
    Judged,
    Tolerance,
    disagreement,
    judge,
    options_of,
    tolerances,
)
from pkd.errors import InputError

NAMES = ("billing", "bug", "other")


def logits_of(predicted: list[int]) -> np.ndarray:
    return np.eye(len(NAMES), dtype=np.float32)[predicted]


def tokens_of(rows: int) -> TokenArrays:
    """Rows that are numbered from 100 on."""
    none, lengths = torch.zeros(0), np.ones(rows, dtype=np.int64)
    return TokenArrays(none, none, None, None, 100 + np.arange(rows), lengths, 0, Path())


def judged(labels: list[int], predicted: list[int], metric: str = "accuracy") -> Judged:
    return judge(logits_of(predicted), np.array(labels), [metric], NAMES)


def test_each_class_has_its_rows_recall_and_f1() -> None:
    found = judged([0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 0])
    assert found.metrics == {"accuracy": pytest.approx(4 / 6)}
    assert found.classes["billing"] == {"rows": 4, "recall": 0.75, "f1": pytest.approx(0.75)}
    assert found.classes["bug"] == {"rows": 2, "recall": 0.5, "f1": pytest.approx(0.5)}
    assert found.classes["other"] == {"rows": 0, "recall": 0.0, "f1": 0.0}


def test_the_metric_of_a_label_can_be_judged() -> None:
    assert judged([0, 1, 1], [0, 1, 0], "f1:bug").metrics == {"f1:bug": pytest.approx(2 / 3)}


@pytest.mark.parametrize(
    ("rows", "changed", "limit", "accepted"),
    [
        (1000, 0, 0.0, True),
        (1000, 1, 0.0, False),
        (12, 1, 0.01, True),  # 8 %, but a single row
        (12, 2, 0.01, False),
        (1000, 10, 0.01, True),
        (1000, 11, 0.01, False),
        (300, 21, 0.07, True),  # 0.07 * 300 is 21.000000000000004 in floating point
        (100, 100, 1.0, True),
    ],
)
def test_changed_labels_are_limited(rows: int, changed: int, limit: float, accepted: bool) -> None:
    labels = [0, 1] * (rows // 2)
    torch_fp32 = judged(labels, [2] * rows)  # all wrong, so that no score falls
    form = judged(labels, [0] * changed + [2] * (rows - changed))
    problem = disagreement("the file", torch_fp32, form, Tolerance(limit, 100.0), tokens_of(rows))
    assert (problem is None) == accepted
    if problem is not None:
        assert f"another label than PyTorch for {changed} of {rows} dev rows" in problem
        assert "e.g. the row with idx 100" in problem


def test_the_options_that_a_message_names_accept_the_form() -> None:
    labels = [0] * 50 + [1] * 7
    torch_fp32, form = judged(labels, labels), judged(labels, [1] * 3 + [0] * 54)
    strict, tokens = Tolerance(0.01, 2.0), tokens_of(57)
    problem = disagreement("the ONNX int8 file", torch_fp32, form, strict, tokens)
    assert problem is not None
    assert "for 10 of 57 dev rows (17.5 %; the limit is 1 %)" in problem
    # 10 of 57 labels are wrong now; of billing 3 in 50, of bug all.
    assert "the score falls by 17.5 points, the recall of 'billing' falls by 6.0 points" in problem
    assert "the recall of 'bug' falls by 100.0 points (the limit is 2)" in problem
    assert "--max-changed 0.1755 --max-drop 100" in problem
    named = Tolerance(0.1755, 100.0)
    assert disagreement("the file", torch_fp32, form, named, tokens) is None


def test_a_rare_class_that_is_lost_is_past_the_limits() -> None:
    """Of 1,000 rows 5 are bugs: the changed labels and the accuracy are within the limits."""
    labels = [0] * 995 + [1] * 5
    torch_fp32, form = judged(labels, labels), judged(labels, [0] * 1000)
    problem = disagreement(
        "the file", torch_fp32, form, tolerances(None, None)[INT8], tokens_of(1000)
    )
    assert problem is not None
    assert (
        "the recall of 'bug' falls by 100.0 points" in problem and "another label" not in problem
    )


def test_one_lost_row_of_a_class_says_little() -> None:
    labels = [0] * 195 + [1] * 5
    torch_fp32, form = judged(labels, labels), judged(labels, [1] + [0] * 195 + [1] * 4)
    assert (
        disagreement("the file", torch_fp32, form, tolerances(None, None)[INT8], tokens_of(200))
        is None
    )


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_never_accepted(value: float) -> None:
    form = Judged(np.full((2, 3), value, dtype=np.float32), {"accuracy": 1.0}, {})
    problem = disagreement(
        "the file", judged([0, 1], [0, 1]), form, Tolerance(1, 100), tokens_of(2)
    )
    assert problem == "the file predicts values that are not finite"


def test_limits_and_their_options() -> None:
    default = tolerances(None, None)
    assert default == {ONNX: Tolerance(0.0, 2.0), INT8: Tolerance(0.01, 2.0)}
    assert options_of(default) == ""
    wide = tolerances(0.05, 3.5)
    assert wide == {ONNX: Tolerance(0.05, 3.5), INT8: Tolerance(0.05, 3.5)}
    assert options_of(wide) == " --max-changed 0.05 --max-drop 3.5"
    assert options_of(tolerances(0.01, None)) == " --max-changed 0.01"


@pytest.mark.parametrize(
    ("changed", "drop", "why"),
    [
        (5.0, None, "--max-changed is 5, but must be between 0 and 1: it is a share"),
        (-0.1, None, "--max-changed is -0.1"),
        (float("nan"), None, "--max-changed is nan"),
        (None, -1.0, "--max-drop is -1, but must be >= 0"),
        (None, float("nan"), "--max-drop is nan"),
    ],
)
def test_impossible_limits_are_refused(
    changed: float | None, drop: float | None, why: str
) -> None:
    with pytest.raises(InputError, match=why):
        tolerances(changed, drop)
