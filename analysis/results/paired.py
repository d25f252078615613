"""Two methods' predictions for the same rows: interval and test of their difference.

`scipy.stats.bootstrap` and `permutation_test` resample one axis and hold a number per row and
resample; here rows and seeds are resampled, and a dev set may have 40,000 rows. To make it cheap,
rows with the same label and the same predictions (a *pattern*) are counted together: all metrics
depend on counts only. Resampling rows is then a multinomial draw of pattern counts, and swapping
two methods' predictions a binomial draw; both are exact.
"""

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.run_data.predictions import Codes

Floats = NDArray[np.float64]

_METRIC = re.compile(r"accuracy|macro_f1|mcc|f1(:\d+)?")
_CHUNK = 4_000_000  # pattern counts that are drawn at once, 32 MB


def scores(metrics: Sequence[str], hits: Floats, predicted: Floats, actual: Floats) -> Floats:
    """Returns the mean of metrics from counts of each class, as scikit-learn defines them.

    Args:
        metrics: ``accuracy`` (0 … 1), ``f1`` of class 1 (0 … 1), ``f1:2`` of class 2, ``macro_f1``
            of the classes that occur (0 … 1), ``mcc`` (-1 … 1).
        hits: (…, classes) rows of a class that were predicted as that class.
        predicted: (…, classes) rows that were predicted as a class.
        actual: (…, classes) rows of a class.

    Returns:
        (…) values; a metric with a denominator of 0 counts as 0.

    Raises:
        ValueError: A metric is unknown.
    """
    rows, right = actual.sum(-1), hits.sum(-1)
    values = []
    for metric in metrics:
        if metric == "accuracy":
            values.append(right / rows)
        elif metric == "macro_f1":
            occurring = predicted + actual
            each = _ratio(2 * hits, occurring)
            values.append(each.sum(-1) / (occurring > 0).sum(-1))
        elif metric == "mcc":
            covariance = right * rows - (predicted * actual).sum(-1)
            spreads = (rows**2 - (predicted**2).sum(-1)) * (rows**2 - (actual**2).sum(-1))
            values.append(_ratio(covariance, np.sqrt(spreads)))
        else:
            code = _class_of(metric)
            values.append(_ratio(2 * hits[..., code], predicted[..., code] + actual[..., code]))
    return np.mean(np.broadcast_arrays(*values), axis=0)


def coded(metrics: Sequence[str], names: Sequence[str]) -> list[str]:
    """Returns the metrics with classes for label names: ``f1:billing`` becomes ``f1:2``."""
    codes = {f"f1:{name}": f"f1:{code}" for code, name in enumerate(names)}
    return [codes.get(metric, metric) for metric in metrics]


def unknown_metrics(metrics: Sequence[str]) -> list[str]:
    """Returns the metrics that `scores` cannot compute."""
    return [metric for metric in metrics if not _METRIC.fullmatch(metric)]


def _class_of(metric: str) -> int:
    """The class of an F1 metric; 1 for ``f1`` and for all other metrics."""
    if unknown_metrics([metric]):
        raise ValueError(f"the metric {metric!r} is unknown")
    return int(metric.partition(":")[2] or 1)


def score(metrics: Sequence[str], labels: Codes, predicted: Codes) -> float:
    """Returns the score of one model's (rows,) predicted classes; see `scores`."""
    width = 1 + max(labels.max(), predicted.max(), *map(_class_of, metrics))
    counts = [
        np.bincount(codes, minlength=width).astype(float)
        for codes in (labels[labels == predicted], predicted, labels)
    ]
    return float(scores(metrics, *counts))


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    return np.divide(numerator, denominator, out=np.zeros(shape), where=denominator != 0)


class Pair:
    """Methods a and b with the same seeds on the same rows.

    Args:
        metrics: Their mean is the compared score, see `scores`.
        labels: (rows,) classes 0 … C-1.
        a: (seeds, rows) predicted classes of the first method.
        b: (seeds, rows) predicted classes of the second method, with the seeds in a's order.

    Attributes:
        exact: Whether the score is accuracy, so that the test is exact.
        rows: The number of rows.
        seeds: The number of seeds.
        differ: The number of rows on which a and b differ in any seed: one is right and the other
            wrong, or, for scores other than accuracy, the predictions are not the same.
    """

    def __init__(self, metrics: Sequence[str], labels: Codes, a: Codes, b: Codes) -> None:
        if a.shape != b.shape or a.shape[1:] != labels.shape:
            raise ValueError(f"labels {labels.shape}, a {a.shape} and b {b.shape} do not match")
        self.metrics = tuple(metrics)
        self.exact = set(metrics) == {"accuracy"}
        if self.exact:  # only right or wrong matters: fewer patterns
            labels, a, b = (
                np.ones_like(labels),
                (a == labels).astype(int),
                (b == labels).astype(int),
            )
        self.rows, self.seeds = len(labels), len(a)
        patterns, self._counts = np.unique(np.vstack([labels, a, b]), axis=1, return_counts=True)
        classes = np.eye(1 + max(int(patterns.max()), *map(_class_of, metrics)))
        label, models = patterns[0], patterns[1:].reshape(2, self.seeds, -1)
        self._actual = classes[label]  # (patterns, classes)
        predicted = classes[models]
        found = np.stack([predicted * (models == label)[..., None], predicted])
        self._found = np.moveaxis(found, 3, 0)  # (patterns, hits|predicted, 2, seeds, classes)
        self.differ = int(self._counts[(models[0] != models[1]).any(axis=0)].sum())
        right = (models == label).sum(axis=1)
        self._lead = (
            right[0] - right[1]
        )  # (patterns,) seeds in which a is right, less those in which b is

    @property
    def differences(self) -> Floats:
        """(seeds,) a's score minus b's; 0.01 is one point."""
        return self._differences(self._counts[None].astype(float))[0]

    def interval(self, rng: np.random.Generator, resamples: int, level: float = 0.95) -> Floats:
        """Returns the percentile bootstrap interval of the mean difference, over rows and seeds.

        A resample draws rows with replacement and, independently, seeds. A drawn seed counts for
        both methods, because trainings with one seed share initial weights and the order of the
        data. With one seed, only rows are drawn.

        A few seeds underestimate their spread: `tests/benchmarks/findings/verdict_rate.py`
        simulates how often one of two equal methods is called better by mistake.

        Returns:
            (lower end, upper end).
        """
        drawn = []
        chance = self._counts / self.rows
        for size in _chunks(resamples, len(chance)):
            weights = rng.multinomial(self.rows, chance, size).astype(float)
            seeds = rng.multinomial(self.seeds, np.full(self.seeds, 1 / self.seeds), size)
            drawn.append((self._differences(weights) * seeds).sum(axis=1) / self.seeds)
        return np.quantile(np.concatenate(drawn), [(1 - level) / 2, (1 + level) / 2])

    def p_value(self, rng: np.random.Generator, permutations: int) -> float:
        """Returns p of the two-sided paired permutation test of "no difference" over the rows.

        If the methods are interchangeable, the predictions of a and b for a row, all seeds
        together, can be swapped. For accuracy the test is exact, over all swaps; with one seed it
        is McNemar's exact test. Other metrics: `permutations` random swaps, p = (1 + as extreme)
        / (1 + permutations).
        """
        return self._exact_p() if self.exact else self._random_p(rng, permutations)

    def _exact_p(self) -> float:
        # Under swaps the sum of the leads is 2X - total with X = sum over k of k·Binomial(n_k, ½).
        lead = int((self._lead * self._counts).sum())
        sizes = np.bincount(np.abs(self._lead), self._counts, self.seeds + 1).astype(int)
        chance = np.ones(1)
        for k in range(1, self.seeds + 1):
            part = np.zeros(k * sizes[k] + 1)
            part[::k] = stats.binom.pmf(np.arange(sizes[k] + 1), sizes[k], 0.5)
            chance = np.convolve(chance, part)
        total = len(chance) - 1
        extreme = np.abs(2 * np.arange(total + 1) - total) >= abs(lead)
        return min(1.0, float(chance[extreme].sum()))

    def _random_p(self, rng: np.random.Generator, permutations: int) -> float:
        gain = self._found[:, :, 1] - self._found[:, :, 0]  # change of a if the pattern is swapped
        relevant = gain.any(axis=(1, 2, 3))
        gain, counts = gain[relevant], self._counts[relevant]
        whole = np.tensordot(self._counts.astype(float), self._found, 1)
        actual = self._counts @ self._actual
        observed = abs(self.differences.mean())
        extreme = 0
        for size in _chunks(permutations, max(len(counts), gain[0].size if len(gain) else 1)):
            swapped = rng.binomial(counts, 0.5, (size, len(counts))).astype(float)
            change = np.tensordot(swapped, gain, 1)  # (size, 2, seeds, classes)
            hits, predicted = np.moveaxis(change, 1, 0)
            a = scores(self.metrics, whole[0, 0] + hits, whole[1, 0] + predicted, actual)
            b = scores(self.metrics, whole[0, 1] - hits, whole[1, 1] - predicted, actual)
            drawn = (a - b).mean(axis=1)
            extreme += int((np.abs(drawn) >= observed - 1e-12).sum())
        return (1 + extreme) / (1 + permutations)

    def _differences(self, weights: Floats) -> Floats:
        """(draws, seeds) score(a) - score(b), from (draws, patterns) counts of patterns."""
        hits, predicted = np.moveaxis(np.tensordot(weights, self._found, 1), 1, 0)
        actual = (weights @ self._actual)[:, None, None]
        ab = scores(self.metrics, hits, predicted, actual)  # (draws, 2, seeds)
        return ab[:, 0] - ab[:, 1]


def _chunks(draws: int, width: int) -> Iterator[int]:
    """Sizes that add up to `draws`, so that size × width stays small."""
    size = max(1, _CHUNK // max(width, 1))
    for start in range(0, draws, size):
        yield min(size, draws - start)
