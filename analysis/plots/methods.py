"""The plot of confirmed scores by method and depth, with the teacher."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.labels import method_label, methods_in_order, task_label
from analysis.plots.canvas import (
    MAX_TASKS,
    TEACHER_LINE,
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
from analysis.results.settings import scores_by_method
from analysis.run_data.runs import Run
from pkd.distillation.methods import TEACHER


def plots(run: Run) -> Iterator[Plot]:
    """Yields one plot if any student is confirmed."""
    points = scores_by_method(run)
    confirmed = set(points.loc[points["method"] != TEACHER, "task"])
    if confirmed:
        tasks = [task for task in run.study["tasks"] if task in confirmed]
        tasks, fewer = shown(tasks, MAX_TASKS, "tasks", "methods.csv")
        caption = (
            "Methods and depths: mean and standard deviation of the dev score over confirm seeds. "
            "Hollow marks: seeds are missing. The dashed line is the teacher (n = 1)."
        )
        caption += constant_caption(points["constant"]) + fewer
        yield Plot("methods", caption, points, methods_figure(points, tasks))


def methods_figure(points: pd.DataFrame, tasks: Sequence[str]) -> Figure:
    """Draws confirmed scores by method at each depth, a panel per task, the teacher as a line.

    Args:
        points: What `analysis.results.settings.scores_by_method` returns.
        tasks: The tasks to draw, in order; each has a confirmed student.
    """
    students = points[points["method"] != TEACHER]
    depths = sorted(students["depth"].unique(), reverse=True)
    methods = methods_in_order(students["method"])
    figure, grid, every = flat_panels(len(tasks))
    for task, axes in zip(tasks, every, strict=True):
        for i, method in enumerate(methods):
            cell = students[(students["task"] == task) & (students["method"] == method)]
            for row in cell.to_dict("records"):
                place = depths.index(row["depth"]) + offset(i, len(methods))
                face = colour(method) if row["n"] >= row["planned"] else "white"
                style: dict[str, Any] = {"color": colour(method), "marker": marker(method)}
                axes.errorbar(place, row["mean"], row["sd"], ms=6, capsize=3, mfc=face, **style)
                mark_constant(axes, place, row["mean"], row["constant"])
        axes.set_xticks(range(len(depths)), [f"{depth} layers" for depth in depths])
        axes.set_xlim(-0.5, len(depths) - 0.5)
        teacher = points[(points["task"] == task) & (points["method"] == TEACHER)]
        for row in teacher.to_dict("records"):
            axes.axhline(row["mean"], **TEACHER_LINE)
            mark_constant(axes, -0.5, row["mean"], row["constant"])
        panel_title(axes, task_label(task))
    handles = method_handles(methods)
    if (points["method"] == TEACHER).any():
        handles.append(Line2D([], [], label=method_label(TEACHER), **TEACHER_LINE))
    if (points["n"] < points["planned"]).any():
        handles.append(hollow_handle("seeds missing"))
    title = "Dev score (%) by method and depth, mean ± standard deviation over seeds"
    finish(figure, grid, title, handles)
    return figure
