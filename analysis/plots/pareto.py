"""What a score costs: dev score against parameters and latency, with the Pareto front."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.benchmark import Benchmark, load_benchmark, speeds
from analysis.comparison import AVERAGE
from analysis.labels import TEACHER, task_label
from analysis.plots.canvas import (
    MAX_TASKS,
    Plot,
    colour,
    dodge,
    finish,
    flat_panels,
    hollow_handle,
    marker,
    method_handles,
    methods_in_order,
    shown,
)
from analysis.runs import Run
from analysis.settings import scores_by_method
from analysis.sizes import sizes

_FRONT: dict[str, Any] = {"color": "#777777", "lw": 1.1, "ls": "--", "zorder": 1}
_AXES = {"parameters": "parameters (millions)", "latency": "latency (ms a row)"}


def plots(run: Run) -> Iterator[Plot]:
    """One plot against parameters and one against latency, as far as they are known."""
    benchmark, _ = load_benchmark(run.path)
    for kind in _AXES:
        name = f"pareto-{kind}"
        numbers = pareto(run, kind, benchmark)
        if not (numbers["method"] != TEACHER).any():
            continue
        tasks = [task for task in run.study["tasks"] if (numbers["task"] == task).any()]
        tasks, fewer = shown(tasks, MAX_TASKS, "tasks", name)
        average = [AVERAGE] if (numbers["task"] == AVERAGE).any() else []
        yield Plot(
            name,
            f"Confirmed dev score against {_about(kind, numbers, benchmark)}. The dashed stair "
            "is the Pareto front: the best mean score that a cost buys, as far as seeds tell. "
            "Models of one depth cost the same; their marks are set side by side. Error bars: "
            "standard deviation over seeds; hollow where seeds are missing."
            + (" Average: over the tasks, of models that are complete on all." if average else "")
            + fewer,
            numbers,
            pareto_figure(numbers, kind, [*average, *tasks]),
        )


def pareto(run: Run, kind: str, benchmark: Benchmark | None) -> pd.DataFrame:
    """Confirmed scores of students and the teacher with what the models cost.

    Args:
        run: The study.
        kind: ``parameters`` (millions, classifier not counted) or ``latency``: median
            milliseconds of a row predicted alone, on each task's dev rows if they were measured
            for all tasks, else on rows of 128 tokens.
        benchmark: Its measured times, if any.

    Returns:
        The columns of `analysis.settings.scores_by_method`, ``cost``, and ``front``: whether no
        other model of the task costs as little and scores as high. The mean over tasks of models
        that are complete on every task of two or more has `AVERAGE` as its task. Models of
        unknown cost are left out.
    """
    scores = scores_by_method(run)
    if scores.empty or (kind == "latency" and benchmark is None):
        return scores.iloc[:0].assign(cost=0.0, front=False)
    cost = _parameters(run, benchmark) if kind == "parameters" else _latency(run, benchmark)
    table = scores.merge(cost, on=["task", "depth"])
    table = pd.concat([_average(table, len(run.study["tasks"])), table], ignore_index=True)
    table["front"] = False
    for _, rows in table.groupby("task"):
        table.loc[rows.index, "front"] = on_front(rows["cost"], rows["mean"])
    return table


def on_front(cost: pd.Series, score: pd.Series) -> pd.Series:
    """Which are not dominated: nothing else costs at most as much and scores at least as high.

    Of equals in both, all are on the front.
    """
    best_at = score.groupby(cost).max().sort_index()
    cheaper = best_at.cummax().shift(fill_value=float("-inf"))
    return (score == cost.map(best_at)) & (score > cost.map(cheaper))


def pareto_figure(numbers: pd.DataFrame, kind: str, tasks: Sequence[str]) -> Figure:
    """A panel per task; score against cost, on a logarithmic axis.

    Args:
        numbers: What `pareto` returns.
        kind: ``parameters`` or ``latency``.
        tasks: Those to draw, in their order.
    """
    methods = methods_in_order(numbers["method"])
    figure, grid, every = flat_panels(len(tasks))
    for task, axes in zip(tasks, every, strict=True):
        panel = numbers[numbers["task"] == task]
        _draw(axes, panel, [method for method in methods if method != TEACHER])
        axes.set_title(task_label(task), fontsize=9)
        axes.set_xlabel(_AXES[kind], fontsize=9)
    handles = method_handles(methods)
    handles.append(Line2D([], [], label="Pareto front", **_FRONT))
    if (numbers["n"] < numbers["planned"]).any():
        handles.append(hollow_handle("seeds missing"))
    finish(figure, grid, f"Dev score (%) against {_AXES[kind]}", handles)
    return figure


def _about(kind: str, numbers: pd.DataFrame, benchmark: Benchmark | None) -> str:
    if kind == "parameters" or benchmark is None:
        return "parameters (in millions, logarithmic, the classifier not counted)"
    rows = "the task's dev rows" if numbers["own_rows"].all() else "rows of 128 tokens"
    return (
        f"latency (logarithmic): median time of the forward pass for one row at a time, {rows}, "
        f"on {benchmark.conditions}"
    )


def _parameters(run: Run, benchmark: Benchmark | None) -> pd.DataFrame:
    counts = sizes(run, benchmark)[["depth", "total"]].dropna()
    counts = counts.assign(cost=counts["total"] / 1e6).drop(columns="total")
    return counts.merge(pd.DataFrame({"task": list(run.study["tasks"])}), how="cross")


def _latency(run: Run, benchmark: Benchmark | None) -> pd.DataFrame:
    assert benchmark is not None
    columns = ["task", "depth", "cost", "own_rows"]
    alone = speeds(benchmark)
    alone = alone[alone["batch_size"] == 1].rename(columns={"ms": "cost"})
    tasks = pd.DataFrame({"task": list(run.study["tasks"])})
    own = alone[alone["task"].isin(tasks["task"])]
    if set(own["task"]) == set(tasks["task"]):
        return own.assign(own_rows=True)[columns]
    fixed = alone[alone["task"] == ""].drop(columns="task")
    return fixed.merge(tasks, how="cross").assign(own_rows=False)[columns]


def _average(table: pd.DataFrame, tasks: int) -> pd.DataFrame:
    whole = table[table["n"] >= table["planned"]]
    models = whole.groupby(["depth", "method"], sort=False)
    average = models[["mean", "cost"]].mean()[models.size() == tasks].reset_index()
    average = average.assign(task=AVERAGE, sd=float("nan"), n=1, planned=1)
    if "own_rows" in table:
        average["own_rows"] = bool(table["own_rows"].all())
    return average[table.columns] if tasks > 1 else average.iloc[:0]


def _draw(axes: Axes, panel: pd.DataFrame, students: list[str]) -> None:
    costs = sorted(panel["cost"].unique())
    axes.set_xscale("log")
    # The marks of one depth take a part of the way to the next.
    nearest = min((b / a for a, b in zip(costs, costs[1:], strict=False)), default=2.0)
    room = max(nearest, 1.1) ** 0.45
    aside = {m: room ** (dodge(i, len(students)) / 0.6) for i, m in enumerate(students)}
    panel = panel.assign(x=panel["cost"] * panel["method"].map(aside).fillna(1.0))
    for row in panel.to_dict("records"):
        face = colour(row["method"]) if row["n"] >= row["planned"] else "white"
        style: dict[str, Any] = {"color": colour(row["method"]), "marker": marker(row["method"])}
        style |= {"ms": 9 if row["method"] == TEACHER else 6, "mfc": face, "capsize": 2}
        axes.errorbar(row["x"], row["mean"], row["sd"], elinewidth=0.9, **style)
    axes.set_xlim(costs[0] / room, costs[-1] * room)
    # Each step stands left of all marks of its depth, or some would seem to beat the front.
    front = panel[panel["front"]].drop_duplicates("cost").sort_values("cost")
    x = [*front["cost"] / room**0.6, axes.get_xlim()[1]]
    axes.plot(x, [*front["mean"], front["mean"].iloc[-1]], drawstyle="steps-post", **_FRONT)
    axes.set_xticks(costs, [_short(cost) for cost in costs])
    axes.set_xticks([], minor=True)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
