"""The choice of a student of a task: limits, candidates, and their ranking."""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.results.held_out import held_out_scores
from analysis.results.pareto import pareto
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
    def cheapest(self) -> bool:
        """Whether the cheapest student is wanted: only the loss of score is limited."""
        return self.drop is not None and self.latency is None and self.parameters is None

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
        ``mean``, ``sd``, ``n``, ``constant``, ``planned`` (see
        `analysis.results.settings.scores_by_method`), ``held_out`` (percent; see
        `analysis.results.held_out.held_out_scores`), ``ms`` (for one row at a time) and
        ``parameters``, all three missing if unknown; ``cost``: ``ms`` if it is known, else
        ``parameters``, else ``depth``; ``drop`` and ``held_out_drop`` below the teacher;
        ``refused``: why the model cannot be taken, or empty.
    """
    table = scores_by_method(run)
    table = table[table["task"] == task]
    of_models = held_out_scores(run).rename("held_out")
    table = table.join(of_models, on=["task", "depth", "method"]).drop(columns="task")
    for column, kind, unit in (("ms", "latency", 1.0), ("parameters", "parameters", 1e6)):
        cost = pareto(run, kind, benchmark)
        cost = cost[cost["task"] == task].drop_duplicates("depth").set_index("depth")["cost"]
        table[column] = unit * table["depth"].map(cost)
    students = table[table["method"] != TEACHER]
    known = next(name for name in ("ms", "parameters", "depth") if students[name].notna().all())
    table["cost"] = table[known]
    for column, score in (("drop", "mean"), ("held_out_drop", "held_out")):
        taught = table.loc[table["method"] == TEACHER, score]
        table[column] = (taught.iloc[0] if len(taught) else math.nan) - table[score]
    table["refused"] = [
        "" if row["method"] == TEACHER else _refusal(row, limits)
        for row in table.to_dict("records")
    ]
    order = (table["method"] != TEACHER).astype(int)
    return table.loc[order.sort_values(kind="stable").index].reset_index(drop=True)


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the students of `candidates` that can be taken, the best first.

    A higher mean dev score is better. Means that print alike (0.1 points) are ties, which the
    higher held-out score breaks, then the smaller number of parameters or layers.
    """
    fits = table[(table["method"] != TEACHER) & (table["refused"] == "")]
    keys = fits.assign(printed=fits["mean"].map(printed))
    order = {"printed": False, "held_out": False, "parameters": True, "depth": True}
    keys = keys.sort_values([*order], ascending=[*order.values()], kind="stable")
    return fits.loc[keys.index]


def choose(table: pd.DataFrame, limits: Limits) -> pd.Series | None:
    """Returns the row of `candidates` to take, or None if no student fits.

    It is the best one of `ranked`; of the cheapest ones, if only the loss of score is limited.
    """
    fits = ranked(table)
    if limits.cheapest:
        fits = fits[fits["cost"] == fits["cost"].min()]
    return None if fits.empty else fits.iloc[0]


def better_held_out(table: pd.DataFrame, taken: pd.Series) -> pd.Series | None:
    """Returns the student that can be taken and has the best held-out score.

    None if it is the taken one, or if the two scores print alike.
    """
    known = ranked(table).dropna(subset="held_out")
    if known.empty or pd.isna(taken["held_out"]):
        return None
    best = known.loc[known["held_out"].idxmax()]
    return best if printed(best["held_out"]) > printed(taken["held_out"]) else None


def printed(score: float) -> float:
    """Returns a score as tables print it, with one decimal.

    `pkd.deployment.students.printed` does the same: ``export`` takes what ``choose`` names.
    """
    return float(f"{round(score, 9):.1f}")  # 78.35 and 78.35000000000001 are one score


def _refusal(row: dict[Hashable, Any], limits: Limits) -> str:
    reasons = []
    if row["n"] < row["planned"]:
        reasons.append(f"{row['n']} of {row['planned']} confirm seeds are complete")
    if row["constant"] >= row["n"]:
        reasons.append("constant: it predicts a single class")
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
