"""The plots of dev score against parameters and latency, with the Pareto front."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.labels import methods_in_order, task_label
from analysis.plots.canvas import (
    MAX_TASKS,
    Plot,
    colour,
    constant_caption,
    finish,
    flat_panels,
    hollow_handle,
    mark_constant,
    marker,
    method_handles,
    offset,
    panel_title,
    shown,
)
from analysis.results.comparison import AVERAGE
from analysis.results.pareto import pareto
from analysis.run_data.measured_times import Benchmark, load_benchmark
from analysis.run_data.runs import Run
from pkd.distillation.methods import TEACHER

_FRONT: dict[str, Any] = {"color": "#777777", "lw": 1.1, "ls": "--", "zorder": 1}
_AXES = {"parameters": "parameters (millions)", "latency": "latency (ms per row)"}


def plots(run: Run) -> Iterator[Plot]:
    """Yields a plot against parameters and one against latency, if they are known."""
    benchmark, _ = load_benchmark(run.path)
    for kind in _AXES:
        name = f"pareto-{kind}"
        numbers = pareto(run, kind, benchmark)
        if not (numbers["method"] != TEACHER).any():
            continue
        tasks = [task for task in run.study["tasks"] if (numbers["task"] == task).any()]
        tasks, fewer = shown(tasks, MAX_TASKS, "tasks", f"{name}.csv")
        average = [AVERAGE] if (numbers["task"] == AVERAGE).any() else []
        yield Plot(
            name,
            f"Confirmed dev score against {_axis_text(kind, numbers, benchmark)}. The dashed line "
            "is the Pareto front: the best mean score at each cost, up to the spread over seeds. "
            "Models of one depth cost the same; their marks are drawn side by side. Error bars: "
            "standard deviation over seeds. Hollow marks: seeds are missing."
            + constant_caption(numbers["constant"])
            + (" Average over tasks: models that are complete on all tasks." if average else "")
            + fewer,
            numbers,
            pareto_figure(numbers, kind, [*average, *tasks]),
        )


def pareto_figure(numbers: pd.DataFrame, kind: str, tasks: Sequence[str]) -> Figure:
    """Draws a panel per task: score against cost, on a logarithmic axis.

    Args:
        numbers: What `analysis.results.pareto.pareto` returns.
        kind: ``parameters`` or ``latency``.
        tasks: The tasks to draw, in order.
    """
    methods = methods_in_order(numbers["method"])
    figure, grid, every = flat_panels(len(tasks))
    for task, axes in zip(tasks, every, strict=True):
        panel = numbers[numbers["task"] == task]
        _draw(axes, panel, [method for method in methods if method != TEACHER])
        panel_title(axes, task_label(task))
        axes.set_xlabel(_AXES[kind], fontsize=9)
    handles = method_handles(methods)
    handles.append(Line2D([], [], label="Pareto front", **_FRONT))
    if (numbers["n"] < numbers["planned"]).any():
        handles.append(hollow_handle("seeds missing"))
    finish(figure, grid, f"Dev score (%) against {_AXES[kind]}", handles)
    return figure


def _axis_text(kind: str, numbers: pd.DataFrame, benchmark: Benchmark | None) -> str:
    if kind == "parameters" or benchmark is None:
        return "parameters (in millions, logarithmic, without the classifier)"
    rows = "the task's dev rows" if numbers["own_rows"].all() else "rows of 128 tokens"
    return (
        f"latency (logarithmic): median time of the forward pass for one row at a time, {rows}, "
        f"on {benchmark.conditions}"
    )


def _draw(axes: Axes, panel: pd.DataFrame, students: list[str]) -> None:
    costs = sorted(panel["cost"].unique())
    axes.set_xscale("log")
    # The marks of one depth take a part of the distance to the next depth.
    nearest = min((b / a for a, b in zip(costs, costs[1:], strict=False)), default=2.0)
    room = max(nearest, 1.1) ** 0.45
    aside = {m: room ** (offset(i, len(students)) / 0.6) for i, m in enumerate(students)}
    panel = panel.assign(x=panel["cost"] * panel["method"].map(aside).fillna(1.0))
    for row in panel.to_dict("records"):
        face = colour(row["method"]) if row["n"] >= row["planned"] else "white"
        style: dict[str, Any] = {"color": colour(row["method"]), "marker": marker(row["method"])}
        style |= {"ms": 9 if row["method"] == TEACHER else 6, "mfc": face, "capsize": 2}
        axes.errorbar(row["x"], row["mean"], row["sd"], elinewidth=0.9, **style)
        mark_constant(axes, row["x"], row["mean"], row["constant"])
    axes.set_xlim(costs[0] / room, costs[-1] * room)
    # Each step is left of all marks of its depth; otherwise some would seem to beat the front.
    front = panel[panel["front"]].drop_duplicates("cost").sort_values("cost")
    x = [*front["cost"] / room**0.6, axes.get_xlim()[1]]
    axes.plot(x, [*front["mean"], front["mean"].iloc[-1]], drawstyle="steps-post", **_FRONT)
    axes.set_xticks(costs, [_tick_label(cost) for cost in costs])
    axes.set_xticks([], minor=True)


def _tick_label(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
