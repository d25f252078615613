"""The curve within an epoch, against sums by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pkd.training.epoch_report import POINTS, CurvePoint, EpochCurve, EpochReport

CPU = torch.device("cpu")
RIGHT = torch.tensor([[1.0, 0.0], [0.0, 1.0]])


def filled(losses: list[float], labels: list[list[int]]) -> EpochCurve:
    curve = EpochCurve(len(losses), CPU)
    for step, (loss, codes) in enumerate(zip(losses, labels, strict=True)):
        curve.add(step, torch.tensor(loss), RIGHT, torch.tensor(codes))
    return curve


def test_a_short_epoch_has_a_point_for_each_step() -> None:
    curve = filled([1.0, 0.5, 0.25], [[0, 1], [0, 0], [1, 0]])
    assert curve.points(epoch=2) == [
        CurvePoint(7, 1.0, 1.0),
        CurvePoint(8, 0.5, 0.5),
        CurvePoint(9, 0.25, 0.0),
    ]
    assert curve.totals() == (pytest.approx(1.75 / 3), 0.5)
    assert curve.finite


def test_rows_without_labels_are_neither_right_nor_wrong() -> None:
    curve = filled([1.0, 0.5, 0.25], [[0, -100], [-100, -100], [1, 1]])
    assert curve.points(epoch=0) == [CurvePoint(1, 1.0, 1.0), CurvePoint(3, 0.25, 0.5)]
    assert curve.totals() == (pytest.approx(1.75 / 3), pytest.approx(2 / 3))


def test_a_loss_that_is_no_number_is_seen() -> None:
    assert not filled([1.0, float("nan")], [[0, 1], [0, 1]]).finite


@given(steps=st.integers(1, 90), seed=st.integers(0, 9))
def test_the_points_are_the_means_between_their_steps(steps: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    losses, labels = rng.random(steps), rng.integers(0, 2, (steps, 2))
    points = filled(losses.tolist(), labels.tolist()).points(0)
    ends = [0, *(point.step for point in points)]
    assert ends[-1] == steps and len(points) == min(steps, POINTS)
    right = (labels == [0, 1]).mean(axis=1)
    for start, end, point in zip(ends, ends[1:], points, strict=False):
        assert point.loss == pytest.approx(losses[start:end].mean())
        assert point.accuracy == pytest.approx(right[start:end].mean())


def report(classes_predicted: int) -> EpochReport:
    return EpochReport(
        epoch=3,
        score=0.47294,
        metrics={"validation": {"accuracy": 0.47294}},
        train_loss=0.5,
        train_accuracy=0.75,
        train_curve=[],
        dev_loss=0.6931,
        classes_predicted=classes_predicted,
        train_seconds=2.0,
        eval_seconds=1.0,
        samples=500,
        micro_batches=1,
        device="cpu",
    )


@pytest.mark.parametrize(("classes", "constant"), [(1, True), (2, False), (3, False)])
def test_a_model_that_predicts_a_single_class_is_constant(classes: int, constant: bool) -> None:
    one = report(classes)
    assert one.constant is constant
    assert ("score 0.4729 (constant: predicts a single class), dev loss" in str(one)) is constant
    assert str(one).endswith("train loss 0.5000, train accuracy 0.7500, 250 samples/s")
    # It is derived: ledgers and checkpoints of version 0.1.0 have the same keys.
    assert "constant" not in one.to_dict() and EpochReport(**one.to_dict()) == one
