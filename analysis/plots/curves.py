"""The plots of learning curves on train and dev (the paper's Figure 2)."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis.labels import method_label, methods_in_order, metric_label, task_label
from analysis.plots.canvas import (
    LONGEST_AXIS,
    Plot,
    colour,
    finish,
    marker,
    panel_title,
    panels,
    shown_grid,
)
from analysis.run_data.runs import Run
from analysis.search_history.curves import curves
from pkd.distillation.methods import TEACHER
from pkd.shown_text import one_line

_CAPTIONS = {
    "train": (
        "Accuracy on the training rows during training (with dropout), against training steps; "
        "moving average over up to {} neighbouring points of the curve"
    ),
    "dev": "Dev score after each epoch, against training steps",
}
_MAX_POINTS = 200  # of a line
_WINDOW = 5  # averaged points of a train curve (20 per epoch): single points are noisy


def plots(run: Run) -> Iterator[Plot]:
    """Yields a plot for train and one for dev if any student is confirmed."""
    numbers = curves(run)
    students = numbers[numbers["method"] != TEACHER]
    tasks = [task for task in run.study["tasks"] if (students["task"] == task).any()]
    depths = sorted(students["depth"].unique(), reverse=True)
    for kind, caption in _CAPTIONS.items():
        name = f"curves-{kind}"
        part = numbers[numbers["kind"] == kind]
        if not (part["method"] != TEACHER).any():
            continue
        rows, columns, fewer = shown_grid(tasks, depths, "epochs.parquet")
        yield Plot(
            name,
            caption.format(_WINDOW) + ". Lines: mean over the ended confirm seeds; bands: from "
            "the lowest to the highest seed. The teacher has n = 1." + fewer,
            _drawn(part, rows, columns),
            curves_figure(part, kind, rows, columns),
        )


def curves_figure(
    numbers: pd.DataFrame, kind: str, tasks: Sequence[str], depths: Sequence[int]
) -> Figure:
    """Draws a row of panels per task, a column per depth, a line per method and the teacher.

    Args:
        numbers: What `analysis.search_history.curves.curves` returns, of one kind.
        kind: ``train`` or ``dev``.
        tasks: The tasks to draw, in order.
        depths: The depths to draw, in order.
    """
    figure, grid = panels(len(tasks), len(depths))
    methods = methods_in_order(numbers["method"])
    for task, row in zip(tasks, grid, strict=True):
        of_task = numbers[numbers["task"] == task]
        for depth, axes in zip(depths, row, strict=True):
            if axes is not row[0]:
                axes.sharey(row[0])  # before anything is drawn, otherwise the limits are lost
            for i, method in enumerate(methods):
                line = of_task[of_task["method"] == method]
                if method != TEACHER:
                    line = line[line["depth"] == depth]
                _draw(axes, line, method, kind, i)
            panel_title(axes, f"{task_label(task)}, {depth} layers")
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
            axes.set_xlim(left=0)
    for axes in grid[-1]:
        axes.set_xlabel("training steps", fontsize=9)
    handles = [Line2D([], [], label=method_label(m), **_style(m)) for m in methods]
    finish(figure, grid, f"Learning curves on the {kind} rows", handles)
    for task, row in zip(tasks, grid, strict=True):
        metric = numbers.loc[numbers["task"] == task, "metric"].iloc[0]
        unit = "accuracy (%)" if metric == "accuracy" else f"{metric_label(metric)} (× 100)"
        row[0].set_ylabel(one_line(f"{kind} {unit}", LONGEST_AXIS), fontsize=9)
    return figure


def _drawn(numbers: pd.DataFrame, tasks: Sequence[str], depths: Sequence[int]) -> pd.DataFrame:
    """The numbers of the panels, each with the teacher, which has a depth of its own."""
    at_depth = numbers["depth"].isin(depths) | (numbers["method"] == TEACHER)
    return numbers[numbers["task"].isin(tasks) & at_depth]


def _draw(axes: Axes, line: pd.DataFrame, method: str, kind: str, number: int) -> None:
    line = line.sort_values("step")
    values = line[["mean", "low", "high"]]
    style = _style(method)
    if kind == "train":
        values = values.rolling(_WINDOW, center=True, min_periods=1).mean()
        # A few marks, at different places for each method, identify the lines in greyscale.
        style["markevery"] = (0.03 + 0.03 * number, 0.2)
    every = math.ceil(len(line) / _MAX_POINTS)
    line, values = line.iloc[::every], values.iloc[::every]
    axes.plot(line["step"], values["mean"], **style)
    if (line["n"] > 1).any():
        style = {"color": colour(method), "alpha": 0.15, "lw": 0}
        axes.fill_between(line["step"], values["low"], values["high"], **style)


def _style(method: str) -> dict[str, Any]:
    style: dict[str, Any] = {"color": colour(method), "marker": marker(method)}
    return {**style, "ms": 7 if method == TEACHER else 4, "lw": 1.2}
