"""Paired comparisons of methods: every pair of students on every task and depth."""

import zlib
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from analysis.results.comparison import confirmed
from analysis.results.paired import Pair, coded, score, unknown_metrics
from analysis.run_data.predictions import Predictions, load_predictions
from analysis.run_data.runs import Run

RESAMPLES = 4_000  # per interval
PERMUTATIONS = 9_999  # per p-value that is not exact
LEVEL = 0.05

_FAMILY = ["depth", "a", "b"]
_COLUMNS = [
    *(*_FAMILY, "task", "split", "difference", "sd", "low", "high", "p", "p_holm", "test"),
    *("seeds", "constant", "examples", "differ", "winner"),
]


class Differences(NamedTuple):
    """The compared pairs of methods, and why others could not be compared.

    Attributes:
        table: One row per depth, pair and task, in the study's order. Columns: ``depth``,
            ``a``, ``b`` (methods; a is the later one in the study's list), ``task``, ``split``;
            ``difference``: a's mean score over seeds minus b's, in points; ``sd`` of the
            differences seed by seed (ddof 1, missing for one seed); ``low``, ``high``: the 95 %
            bootstrap interval over rows and seeds; ``p`` of the paired permutation test over
            rows; ``test``: whether that test is ``exact`` or ``random``; ``p_holm``: corrected
            over the tasks of the same depth and pair; ``seeds``; ``constant``: the number of
            seeds on which one of the two predicts a single class; ``examples``: the number of
            rows, and how many of them ``differ`` (see `analysis.results.paired.Pair`);
            ``winner``: the better method if p_holm < 0.05 and the interval excludes 0, else
            None.
        incomplete: The students that are not complete on some task, one row each: ``task``,
            ``depth``, ``method``, ended ``seeds`` and ``planned`` seeds.
        problems: Prediction files that could not be used, one line each.
    """

    table: pd.DataFrame
    incomplete: pd.DataFrame
    problems: list[str]


def differences(run: Run) -> Differences:
    """Compares every two students of a task and depth by their predictions on dev.

    The score is the one that searches maximise: the mean of the task's metrics on its first dev
    split. Only cells with all their confirm seeds count, because the first seeds to end may be
    the lucky ones. The numbers of a row depend on the files of its two cells alone, so they do
    not change while a study continues; only p_holm depends on the other tasks.
    """
    cells = _cells(run)
    whole = cells["seeds"] >= cells["planned"]
    rows, problems = [], []
    for task in run.study["tasks"]:
        found = _predictions(run, task, cells[whole & (cells["task"] == task)])
        problems += found.problems
        for depth in run.study["depths"]:
            for b, a in combinations(run.study["methods"], 2):
                seeds = _common_seeds(found, depth, a, b)
                if seeds:
                    rows.append(_compare(run, task, depth, a, b, found, seeds))
    table = pd.DataFrame(rows, columns=_COLUMNS)
    ordered = _corrected(table).sort_values(
        _FAMILY, key=lambda column: column.map(_order(run)), kind="stable", ignore_index=True
    )
    return Differences(ordered, cells[~whole].reset_index(drop=True), problems)


def overall(differences: pd.DataFrame) -> pd.DataFrame:
    """Returns on how many tasks one method is shown to be better, by depth and pair.

    Args:
        differences: `Differences.table`.

    Returns:
        One row per depth and pair, with the columns ``depth``, ``a``, ``b``, ``won`` (tasks on
        which a is better), ``tied`` (no difference shown, which does not mean that there is
        none), ``lost`` (b is better) and ``tasks``, their sum: the compared tasks.
    """
    winner = differences["winner"]
    marks = differences[_FAMILY].assign(
        won=winner == differences["a"], tied=winner.isna(), lost=winner == differences["b"]
    )
    marks["tasks"] = True
    counts = marks.groupby(_FAMILY, sort=False)[["won", "tied", "lost", "tasks"]].sum()
    return counts.astype(int).reset_index()


def _cells(run: Run) -> pd.DataFrame:
    """Every student cell of the study with its ended and planned seeds."""
    counts = confirmed(run).groupby(["task", "depth", "method"]).size().to_dict()
    planned = int(run.study["budget"]["confirm_seeds"])
    rows = [
        (task, depth, method, counts.get((task, depth, method), 0), planned)
        for task in run.study["tasks"]
        for depth in run.study["depths"]
        for method in run.study["methods"]
    ]
    return pd.DataFrame(rows, columns=["task", "depth", "method", "seeds", "planned"])


def _predictions(run: Run, task: str, cells: pd.DataFrame) -> Predictions:
    """Predictions of the confirmed students of a task, at depths with two complete students."""
    cells = cells[cells.groupby("depth")["method"].transform("size") > 1]
    wanted = set(zip(cells["depth"], cells["method"], strict=True))
    trials = confirmed(run)
    of_cells = [(d, m) in wanted for d, m in zip(trials["depth"], trials["method"], strict=True)]
    trials = trials[(trials["task"] == task) & np.array(of_cells, dtype=bool)]
    metrics = _metrics(run, task)
    if len(trials) and unknown_metrics(metrics):
        problem = f"{task} is not compared: one of its metrics is unknown ({', '.join(metrics)})"
        return Predictions(np.empty(0, dtype=np.int64), {}, [problem])
    split = _split(run, task)
    tokens = (run.study["tasks"][task].get("tokens") or {}).get(split)
    found = load_predictions(run.path, trials, split, tokens)
    recorded = trials.set_index(["depth", "method", "trial"])["score"].to_dict()
    usable, problems = {}, [*found.problems]
    for (depth, method, trial), codes in found.predicted.items():
        value, known = score(metrics, found.labels, codes), recorded[depth, method, trial]
        if not abs(value - known) <= 1e-6:  # also if the recorded score is missing
            problems.append(
                f"predictions/confirm/{task}-{depth}-{method}/{trial} is not used: it scores "
                f"{value:.4f}, but the ledger holds "
                + ("no score" if np.isnan(known) else f"{known:.4f}")
            )
        else:
            usable[depth, method, trial] = codes
    return replace(found, predicted=usable, problems=problems)


def _metrics(run: Run, task: str) -> list[str]:
    about = run.study["tasks"][task]
    return coded(about["metrics"], about.get("labels", []))


def _split(run: Run, task: str) -> str:
    return str(run.study["tasks"][task]["dev_splits"][0])


def _common_seeds(found: Predictions, depth: int, a: str, b: str) -> list[str]:
    """The seeds, by trial name, with usable predictions of both methods."""
    names = [{t for d, m, t in found.predicted if (d, m) == (depth, x)} for x in (a, b)]
    return sorted(names[0] & names[1])


def _compare(
    run: Run, task: str, depth: int, a: str, b: str, found: Predictions, seeds: list[str]
) -> dict[str, object]:
    pair = Pair(
        _metrics(run, task),
        found.labels,
        np.stack([found.predicted[depth, a, seed] for seed in seeds]),
        np.stack([found.predicted[depth, b, seed] for seed in seeds]),
    )
    rng = np.random.default_rng(zlib.crc32(f"{task} {depth} {a} {b}".encode()))
    low, high = 100 * pair.interval(rng, RESAMPLES)
    by_seed = 100 * pair.differences
    return {
        **{"depth": depth, "a": a, "b": b, "task": task, "split": _split(run, task)},
        **{"difference": by_seed.mean(), "sd": pd.Series(by_seed).std(ddof=1)},
        **{"low": low, "high": high, "p": pair.p_value(rng, PERMUTATIONS)},
        **{"test": "exact" if pair.exact else "random"},
        **{"seeds": pair.seeds, "constant": _constant(run, task, depth, (a, b), seeds)},
        **{"examples": pair.rows, "differ": pair.differ},
    }


def _constant(run: Run, task: str, depth: int, methods: tuple[str, str], seeds: list[str]) -> int:
    trials = confirmed(run)
    of_pair = (trials["task"] == task) & (trials["depth"] == depth)
    of_pair &= trials["method"].isin(methods) & trials["trial"].isin(seeds)
    return int(trials.loc[of_pair & trials["constant"], "trial"].nunique())


def _corrected(table: pd.DataFrame) -> pd.DataFrame:
    """Adds the corrected p-values and the winners."""
    table = table.copy()
    for _, family in table.groupby(_FAMILY):
        table.loc[family.index, "p_holm"] = multipletests(family["p"], method="holm")[1]
    shown = (table["p_holm"] < LEVEL) & ((table["low"] > 0) | (table["high"] < 0))
    better = table["a"].where(table["difference"] > 0, table["b"])
    table["winner"] = better.astype(object).where(shown, None)
    return table


def _order(run: Run) -> dict[object, int]:
    return {name: i for i, name in enumerate([*run.study["depths"], *run.study["methods"]])}
