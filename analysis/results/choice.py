"""The choice of a student of a task: limits, candidates, and the best of the Pareto front."""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.results.comparison import confirmed
from analysis.results.pareto import on_front, pareto
from analysis.results.settings import scores_by_method
from analysis.run_data.measured_times import Benchmark
from analysis.run_data.runs import Run
from pkd.distillation.methods import TEACHER


@dataclass(frozen=True)
class Limits:
    """What a student must satisfy; None means no limit.

    Attributes:
        latency: Milliseconds for one row at a time.
        drop: Points that the mean dev score may be below the teacher's.
        parameters: Their number, without the classifier.
    """

    latency: float | None = None
    drop: float | None = None
    parameters: float | None = None

    @property
    def cost(self) -> bool:
        """Whether latency or parameters are limited."""
        return self.latency is not None or self.parameters is not None

    def __str__(self) -> str:
        return " ".join(
            f"{option} {value:.12g}"
            for option, value in (
                ("--max-latency-ms", self.latency),
                ("--max-drop", self.drop),
                ("--max-parameters", self.parameters),
            )
            if value is not None
        )


def candidates(run: Run, task: str, limits: Limits, benchmark: Benchmark | None) -> pd.DataFrame:
    """Returns the teacher and all students of a task, with the reasons against each.

    Returns:
        One row per model that has a confirmed score, the teacher first: ``depth``, ``method``,
        ``mean``, ``sd``, ``n``, ``planned`` (see `analysis.results.settings.scores_by_method`),
        ``ms`` (for one row at a time) and ``parameters``, missing if unknown; ``drop`` below the
        teacher; ``refused``: why the model cannot be taken, or empty; ``front``: whether it is on
        the Pareto front of those that satisfy the limits.
    """
    table = scores_by_method(run)
    table = table[table["task"] == task].drop(columns="task")
    for column, kind, unit in (("ms", "latency", 1.0), ("parameters", "parameters", 1e6)):
        cost = pareto(run, kind, benchmark)
        cost = cost[cost["task"] == task].drop_duplicates("depth").set_index("depth")["cost"]
        table[column] = unit * table["depth"].map(cost)
    taught = table.loc[table["method"] == TEACHER, "mean"]
    table["drop"] = (taught.iloc[0] if len(taught) else math.nan) - table["mean"]
    same = _constant(run, task)
    table["refused"] = [
        "" if row["method"] == TEACHER else _refusal(row, limits, same)
        for row in table.to_dict("records")
    ]
    fits = table[(table["method"] != TEACHER) & (table["refused"] == "")]
    # If neither is known, the number of layers stands for the cost.
    axis = next(name for name in ("ms", "parameters", "depth") if fits[name].notna().all())
    table["front"] = on_front(fits[axis], fits["mean"]).reindex(table.index, fill_value=False)
    order = (table["method"] != TEACHER).astype(int)
    return table.loc[order.sort_values(kind="stable").index].reset_index(drop=True)


def choose(table: pd.DataFrame, limits: Limits) -> pd.Series | None:
    """Returns the row of `candidates` to take, or None if no student fits."""
    front = table[table["front"]]
    if front.empty:
        return None
    if limits.drop is not None and not limits.cost:
        return front.loc[front["mean"].idxmin()]  # on a front, the cheapest
    return front.loc[front["mean"].idxmax()]


def _constant(run: Run, task: str) -> set[tuple[int, str]]:
    """The students that predict a single class with every seed."""
    trials = confirmed(run)
    cells = trials[trials["task"] == task].groupby(["depth", "method"])["constant"].all()
    return {key for key, constant in cells.items() if constant}


def _refusal(row: dict[Hashable, Any], limits: Limits, constant: set[tuple[int, str]]) -> str:
    reasons = []
    if row["n"] < row["planned"]:
        reasons.append(f"{row['n']} of {row['planned']} confirm seeds are complete")
    if (row["depth"], row["method"]) in constant:
        reasons.append("it predicts a single class")
    if limits.drop is not None and not _within(row["drop"], limits.drop):
        reasons.append(f"{row['drop']:.1f} points below the teacher (--max-drop {limits.drop:g})")
    if limits.latency is not None and not _within(row["ms"], limits.latency):
        known = (
            "its latency is unknown" if math.isnan(row["ms"]) else f"{row['ms']:.3g} ms per row"
        )
        reasons.append(f"{known} (--max-latency-ms {limits.latency:g})")
    if limits.parameters is not None and not _within(row["parameters"], limits.parameters):
        size = row["parameters"]
        known = "its size is unknown" if math.isnan(size) else f"{size:,.0f} parameters"
        reasons.append(f"{known} (--max-parameters {limits.parameters:,.0f})")
    return ", ".join(reasons)


def _within(value: float, limit: float) -> bool:
    """Whether a value is known and, up to rounding, within a limit."""
    return bool(value <= limit + 1e-9 * abs(limit) + 1e-12)
