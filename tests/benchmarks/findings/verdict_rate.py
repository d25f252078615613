"""Simulates how often the report calls one of two equal methods better, by confirm seeds.

Two methods whose seeds have the same expected accuracy are compared as in the report. The share of
verdicts ">" should be at most 5 %; with few seeds and a large spread it is higher.

python -m tests.benchmarks.findings.verdict_rate [--rows 1000] [--repeats 400]
"""

import argparse

import numpy as np
from scipy import stats
from tabulate import tabulate

from analysis.results.paired import Pair
from analysis.results.significance import LEVEL

ACCURACY = 0.7
SEEDS = (1, 2, 3, 5, 10)
SPREADS = (0.01, 0.03)  # standard deviation of a seed's expected accuracy
RESAMPLES = 1000


def simulated(rng: np.random.Generator, rows: int, seeds: int, spread: float) -> Pair:
    """Returns two methods that find the same rows easy and differ only by chance."""
    ease = rng.normal(size=rows)
    right = []
    for _ in range(2):
        level = rng.normal(ACCURACY, spread, size=(seeds, 1))
        shift = stats.norm.ppf(1 - level, scale=2**0.5)
        right.append((ease + rng.normal(size=(seeds, rows)) > shift).astype(int))
    return Pair(["accuracy"], np.ones(rows, dtype=int), *right)


def is_mistake(rng: np.random.Generator, pair: Pair) -> bool:
    """Whether the report would call one of the methods better."""
    low, high = pair.interval(rng, RESAMPLES)
    return pair.p_value(rng, 0) < LEVEL and (low > 0 or high < 0)


def main() -> None:
    """Prints the share of mistakes for each number of seeds and spread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=400)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    rows = []
    for seeds in SEEDS:
        row = [str(seeds)]
        for spread in SPREADS:
            pairs = (simulated(rng, options.rows, seeds, spread) for _ in range(options.repeats))
            mistakes = np.mean([is_mistake(rng, pair) for pair in pairs])
            row.append(f"{100 * mistakes:.0f} %")
        rows.append(row)
    header = ["seeds", *(f"seeds spread by {100 * spread:g} point(s)" for spread in SPREADS)]
    print(tabulate(rows, header))


if __name__ == "__main__":
    main()
