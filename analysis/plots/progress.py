"""The plot of the search progress: best score so far against device time."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis.labels import methods_in_order, task_label
from analysis.plots.canvas import (
    CONSTANT_MARKER,
    MAX_DEPTHS,
    MAX_PANELS,
    MAX_TASKS,
    Plot,
    colour,
    finish,
    hollow_handle,
    marker,
    method_handles,
    panels,
    shown,
)
from analysis.run_data.runs import Run
from analysis.search_history.progress import progress

_MINUTES_BELOW = 1.0  # device hours; shorter searches are drawn in minutes


def plots(run: Run) -> Iterator[Plot]:
    """Yields one plot if any search trial has ended with a score."""
    numbers = progress(run)
    scored = numbers[numbers["best"].notna()]
    if scored.empty:
        return
    depths = sorted(scored["depth"].unique(), reverse=True)
    depths, fewer_depths = shown(depths, MAX_DEPTHS, "depths", "progress")
    tasks = [task for task in run.study["tasks"] if (scored["task"] == task).any()]
    most = min(MAX_TASKS, MAX_PANELS // len(depths))
    tasks, fewer_tasks = shown(tasks, most, "tasks", "progress")
    yield Plot(
        "progress",
        "Search progress: the best dev score so far of each cell against the device time of its "
        "trials, summed in the order in which they ended. Each mark is the end of a trial: hollow "
        "if the scheduler stopped it early, a cross if it failed, † if it is constant (predicts a "
        "single class): its score counts only if all trials of the cell are."
        + fewer_tasks
        + fewer_depths,
        numbers,
        progress_figure(numbers, tasks, depths),
    )


def progress_figure(numbers: pd.DataFrame, tasks: Sequence[str], depths: Sequence[int]) -> Figure:
    """Draws a row of panels per task, a column per depth, a step line per method.

    Args:
        numbers: What `progress` returns.
        tasks: The tasks to draw, in order.
        depths: The depths to draw, in order.
    """
    figure, grid = panels(len(tasks), len(depths))
    methods = methods_in_order(numbers["method"])
    for task, row in zip(tasks, grid, strict=True):
        of_task = numbers[numbers["task"] == task]
        minutes = of_task["device_hours"].max() < _MINUTES_BELOW
        for depth, axes in zip(depths, row, strict=True):
            panel = of_task[of_task["depth"] == depth]
            for method in methods:
                _draw(axes, panel[panel["method"] == method], method, 60 if minutes else 1)
            axes.set_title(f"{task_label(task)}, {depth} layers", fontsize=9)
            axes.set_xlabel(f"device {'minutes' if minutes else 'hours'}", fontsize=9)
            axes.xaxis.set_major_locator(MaxNLocator(6))
            axes.set_xlim(left=0)
    handles = method_handles(methods)
    if (numbers["state"] == "stopped").any():
        handles.append(hollow_handle("stopped early"))
    if (numbers["state"] == "failed").any():
        handles.append(Line2D([], [], marker="x", ls="", color="#555555", label="failed"))
    finish(figure, grid, "Best dev score so far (%) against device time", handles)
    return figure


def _draw(axes: Axes, cell: pd.DataFrame, method: str, scale: int) -> None:
    # Trials that failed before the first score are drawn at its height.
    x, y = scale * cell["device_hours"], cell["best"].bfill()
    axes.plot(x, y, color=colour(method), lw=1.2, drawstyle="steps-post")
    style: dict[str, Any] = {"s": 20, "linewidths": 0.9, "zorder": 3}
    constant = cell["constant"] & (cell["state"] != "failed")
    for state, face in (("complete", colour(method)), ("stopped", "white")):
        at = (cell["state"] == state) & ~constant
        axes.scatter(x[at], y[at], marker=marker(method), fc=face, ec=colour(method), **style)
    for symbol, at, size in (
        ("x", cell["state"] == "failed", 20),
        (CONSTANT_MARKER, constant, 60),
    ):
        style |= {"s": size}
        axes.scatter(x[at], y[at], marker=symbol, color=colour(method), **style)
