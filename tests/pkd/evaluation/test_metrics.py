"""Scores with values worked out by hand."""

import numpy as np
import pytest

from pkd.evaluation.metrics import cross_entropy, score, selection_score
from pkd.tasks.glue import GLUE


def logits_for(predicted: list[int], classes: int = 2) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[predicted]


def test_scores_have_the_values_worked_out_by_hand() -> None:
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 1])
    # 3 true positives, 1 false negative, 1 false positive, 3 true negatives.
    logits = logits_for([1, 1, 0, 0, 0, 0, 1, 1])
    found = score(("accuracy", "f1", "mcc"), logits, labels)
    # F1 = 2·3 / (2·3 + 1 + 1); MCC = (3·3 - 1·1) / sqrt(4·4·4·4).
    assert found == pytest.approx({"accuracy": 0.75, "f1": 0.75, "mcc": 0.5})


def test_f1_is_that_of_label_1() -> None:
    # Label 1: TP 1, FN 1, FP 0, so 2/3; label 0: TP 2, FP 1, FN 0, so 4/5.
    found = score(("f1",), logits_for([1, 0, 0, 0]), np.array([1, 1, 0, 0]))
    assert found == {"f1": pytest.approx(2 / 3)}


def test_a_model_that_predicts_one_label_scores_zero_in_f1_and_mcc() -> None:
    found = score(("f1", "mcc", "accuracy"), logits_for([0, 0, 0, 0]), np.array([1, 0, 0, 0]))
    assert found == {"f1": 0.0, "mcc": 0.0, "accuracy": 0.75}


def test_f1_of_named_labels_and_their_mean_have_the_values_worked_out_by_hand() -> None:
    # billing: TP 2, FN 1, FP 1, so 4/6; bug: TP 1, FP 2, so 2/4; other: FN 2, never right, so 0.
    labels, predicted = np.array([0, 0, 0, 1, 2, 2]), [0, 0, 1, 1, 1, 0]
    metrics = ("f1:billing", "f1:bug", "f1:other", "macro_f1")
    found = score(metrics, logits_for(predicted, 3), labels, ("billing", "bug", "other"))
    values = [2 / 3, 1 / 2, 0, 7 / 18]
    assert found == pytest.approx(dict(zip(metrics, values, strict=True)))


def test_macro_f1_leaves_out_a_label_that_occurs_nowhere() -> None:
    found = score(("macro_f1",), logits_for([0, 0, 1], 4), np.array([0, 1, 1]))
    assert found == {"macro_f1": pytest.approx(2 / 3)}  # both have 2/3


def test_accuracy_takes_three_classes() -> None:
    assert score(("accuracy",), logits_for([0, 1, 2, 2], 3), np.array([0, 1, 2, 0])) == {
        "accuracy": 0.75
    }


def test_cross_entropy_has_the_value_worked_out_by_hand() -> None:
    # Odds 3 : 1 for the right label, then for the wrong one.
    logits = np.array([[np.log(3), 0], [np.log(3), 0]], dtype=np.float32)
    expected = (np.log(4 / 3) + np.log(4)) / 2
    assert cross_entropy(logits, np.array([0, 1])) == pytest.approx(expected, rel=1e-6)


def test_the_selection_score_is_the_mean_on_the_first_dev_split() -> None:
    metrics = {
        "validation_mismatched": {"accuracy": 0.9},
        "validation_matched": {"accuracy": 0.5},
    }
    assert selection_score(GLUE["mnli"], metrics) == 0.5
    mrpc = {"validation": {"f1": 0.75, "accuracy": 0.5}}
    assert selection_score(GLUE["mrpc"], mrpc) == 0.625
