"""Intervals and tests of two methods' predictions, against scipy, statsmodels and enumeration."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from statsmodels.stats.contingency_tables import mcnemar

from analysis.results import paired
from analysis.results.paired import Pair, coded, score

Codes = NDArray[np.int64]
FUNCTIONS = {
    "accuracy": accuracy_score,
    "f1": lambda labels, predicted: f1_score(labels, predicted, zero_division=0.0),
    "macro_f1": lambda labels, predicted: f1_score(
        labels, predicted, average="macro", zero_division=0.0
    ),
    "f1:2": lambda labels, predicted: f1_score(labels == 2, predicted == 2, zero_division=0.0),
    "mcc": matthews_corrcoef,
}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def sample(
    examples: int, seeds: int, classes: int = 2, seed: int = 0
) -> tuple[Codes, Codes, Codes]:
    """Labels and two methods' predictions: right on 60 and 75 % of the rows."""
    draw = rng(seed)
    labels = draw.integers(0, classes, examples)
    models = []
    for chance in (0.6, 0.75):
        wrong = (labels + draw.integers(1, classes, (seeds, examples))) % classes
        models.append(np.where(draw.random((seeds, examples)) < chance, labels, wrong))
    return labels, models[0], models[1]


@pytest.mark.parametrize(
    ("metric", "classes"),
    [("accuracy", 2), ("accuracy", 3), ("f1", 2), ("macro_f1", 2), ("macro_f1", 4), ("f1:2", 3)]
    + [("mcc", 2), ("mcc", 3)],
)
def test_scores_are_those_of_scikit_learn(metric: str, classes: int) -> None:
    labels, predicted, _ = sample(50, 1, classes)
    expected = FUNCTIONS[metric](labels, predicted[0])
    assert score([metric], labels, predicted[0]) == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:A single label was found")
@pytest.mark.parametrize("metric", ["accuracy", "f1", "macro_f1", "f1:2", "mcc"])
@pytest.mark.parametrize("codes", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_scores_of_constant_labels_and_predictions_are_those_of_scikit_learn(
    metric: str, codes: tuple[int, int]
) -> None:
    labels, predicted = np.full(5, codes[0]), np.full(5, codes[1])
    assert score([metric], labels, predicted) == FUNCTIONS[metric](labels, predicted)


def test_several_metrics_are_averaged() -> None:
    labels, predicted, _ = sample(50, 1)
    expected = (f1_score(labels, predicted[0]) + accuracy_score(labels, predicted[0])) / 2
    assert score(["f1", "accuracy"], labels, predicted[0]) == pytest.approx(expected)


@pytest.mark.parametrize("metric", ["pearson", "f1:bug", "f1:"])
def test_an_unknown_metric_is_refused(metric: str) -> None:
    with pytest.raises(ValueError, match=metric):
        score([metric], np.zeros(2, dtype=int), np.zeros(2, dtype=int))


def test_label_names_become_classes() -> None:
    names = ["billing", "1", "0"]
    assert coded(["f1:0", "f1:billing", "f1", "f1:gone"], names) == [
        *("f1:2", "f1:0", "f1", "f1:gone"),
    ]


def test_predictions_of_other_shapes_are_refused() -> None:
    labels, a, b = sample(10, 2)
    with pytest.raises(ValueError, match="do not match"):
        Pair(["accuracy"], labels, a, b[:1])


def test_differences_are_a_less_b_seed_by_seed() -> None:
    labels = np.array([1, 1, 0, 0])
    a = np.array([[1, 1, 0, 0], [1, 1, 0, 1]])  # 4 and 3 right
    b = np.array([[1, 0, 0, 1], [1, 1, 0, 0]])  # 2 and 4 right
    pair = Pair(["accuracy"], labels, a, b)
    assert pair.differences.tolist() == [0.5, -0.25]
    assert pair.differ == 2  # the second row and the last one


@pytest.mark.parametrize("seed", range(3))
def test_with_one_seed_the_test_of_accuracy_is_the_exact_mcnemar_test(seed: int) -> None:
    labels, a, b = sample(80, 1, classes=3, seed=seed)
    only_a = int(((a == labels) & (b != labels)).sum())
    only_b = int(((a != labels) & (b == labels)).sum())
    p = Pair(["accuracy"], labels, a, b).p_value(rng(), 0)
    assert p == pytest.approx(stats.binomtest(only_a, only_a + only_b).pvalue)
    assert p == pytest.approx(mcnemar([[0, only_a], [only_b, 0]], exact=True).pvalue)


def all_swaps(metrics: list[str], labels: Codes, a: Codes, b: Codes) -> float:
    """The share of all 2^n swaps whose difference is at least as large as the observed one."""

    def difference(first: Codes, second: Codes) -> float:
        values = [[score(metrics, labels, codes) for codes in each] for each in (first, second)]
        return abs(np.mean(values[0]) - np.mean(values[1]))

    observed = difference(a, b)
    extreme = 0
    for swap in product([False, True], repeat=len(labels)):
        extreme += difference(np.where(swap, b, a), np.where(swap, a, b)) >= observed - 1e-12
    return extreme / 2 ** len(labels)


@pytest.mark.parametrize("seed", range(3))
def test_with_several_seeds_the_test_of_accuracy_counts_all_swaps(seed: int) -> None:
    labels, a, b = sample(8, 3, seed=seed)
    p = Pair(["accuracy"], labels, a, b).p_value(rng(), 0)
    assert p == pytest.approx(all_swaps(["accuracy"], labels, a, b))


@pytest.mark.parametrize("metrics", [["f1", "accuracy"], ["macro_f1"], ["f1:0"], ["mcc"]])
def test_random_swaps_approximate_the_share_of_all_swaps(metrics: list[str]) -> None:
    labels, a, b = sample(8, 2, seed=4)
    p = Pair(metrics, labels, a, b).p_value(rng(), 9_999)
    assert p == pytest.approx(all_swaps(metrics, labels, a, b), abs=0.02)


def test_random_swaps_never_give_a_p_value_of_zero() -> None:
    labels = np.tile([0, 1], 100)
    p = Pair(["mcc"], labels, labels[None], 1 - labels[None]).p_value(rng(), 99)
    assert p == 1 / 100


@pytest.mark.parametrize("metrics", [["accuracy"], ["f1", "accuracy"], ["mcc"]])
def test_methods_with_equal_predictions_for_each_seed_do_not_differ(metrics: list[str]) -> None:
    # The seeds differ: drawn independently for the two methods, they would give a wide interval.
    labels, a, _ = sample(60, 3)
    pair = Pair(metrics, labels, a, a.copy())
    assert pair.interval(rng(), 200).tolist() == [0, 0]
    assert pair.p_value(rng(), 99) == 1


def test_with_one_seed_the_interval_is_that_of_scipy_over_rows() -> None:
    labels, a, b = sample(400, 1)
    lead = (a[0] == labels).astype(float) - (b[0] == labels)
    expected = stats.bootstrap(
        (lead,), np.mean, n_resamples=4000, method="percentile", random_state=rng(1)
    ).confidence_interval
    found = Pair(["accuracy"], labels, a, b).interval(rng(2), 4000)
    assert found == pytest.approx(list(expected), abs=0.008)  # about 0.14 wide


@pytest.mark.parametrize("chunk", [paired._CHUNK, 30_000])
def test_the_interval_resamples_rows_and_seeds(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paired, "_CHUNK", chunk)
    metrics = ["f1", "accuracy"]
    labels, a, b = sample(60, 3)
    b[0] = labels  # an outlier
    draw, drawn = rng(1), []
    for _ in range(2000):
        rows, seeds = draw.integers(0, 60, 60), draw.integers(0, 3, 3)
        values = [
            [score(metrics, labels[rows], codes[seed][rows]) for seed in seeds] for codes in (a, b)
        ]
        drawn.append(np.mean(values[0]) - np.mean(values[1]))
    found = Pair(metrics, labels, a, b).interval(rng(2), 4000)
    assert found == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.02)  # 0.33 wide


def test_the_same_generator_gives_the_same_numbers() -> None:
    pair = Pair(["mcc"], *sample(60, 2))
    assert pair.interval(rng(3), 100).tolist() == pair.interval(rng(3), 100).tolist()
    assert pair.p_value(rng(3), 99) == pair.p_value(rng(3), 99)
