"""The plots of learning curves on train and dev (the paper's Figure 2)."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis.labels import method_label, methods_in_order, metric_label, task_label
from analysis.plots.canvas import (
    MAX_DEPTHS,
    MAX_PANELS,
    MAX_TASKS,
    Plot,
    colour,
    finish,
    marker,
    panels,
    shown,
)
from analysis.run_data.runs import Run
from analysis.search_history.curves import curves
from pkd.distillation.methods import TEACHER

_CAPTIONS = {
    "train": (
        "Accuracy on the training rows during training (with dropout), against training steps; "
        "moving average over up to {} neighbouring points of the curve"
    ),
    "dev": "Dev score after each epoch, against training steps",
}
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
        columns, fewer_depths = shown(depths, MAX_DEPTHS, "depths", name)
        most = min(MAX_TASKS, MAX_PANELS // len(columns))
        drawn, fewer_tasks = shown(tasks, most, "tasks", name)
        yield Plot(
            name,
            caption.format(_WINDOW) + ". Lines: mean over the ended confirm seeds; bands: from "
            "the lowest to the highest seed. The teacher has n = 1." + fewer_tasks + fewer_depths,
            part,
            curves_figure(part, kind, drawn, columns),
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
            axes.set_title(f"{task_label(task)}, {depth} layers", fontsize=9)
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
        row[0].set_ylabel(f"{kind} {unit}", fontsize=9)
    return figure


def _draw(axes: Axes, line: pd.DataFrame, method: str, kind: str, number: int) -> None:
    line = line.sort_values("step")
    values = line[["mean", "low", "high"]]
    style = _style(method)
    if kind == "train":
        values = values.rolling(_WINDOW, center=True, min_periods=1).mean()
        # A few marks, at different places for each method, identify the lines in greyscale.
        style["markevery"] = (0.03 + 0.03 * number, 0.2)
    axes.plot(line["step"], values["mean"], **style)
    if (line["n"] > 1).any():
        style = {"color": colour(method), "alpha": 0.15, "lw": 0}
        axes.fill_between(line["step"], values["low"], values["high"], **style)


def _style(method: str) -> dict[str, Any]:
    style: dict[str, Any] = {"color": colour(method), "marker": marker(method)}
    return {**style, "ms": 7 if method == TEACHER else 4, "lw": 1.2}
