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
    Plot,
    colour,
    finish,
    hollow_handle,
    marker,
    method_handles,
    panel_title,
    panels,
    shown_grid,
    shown_trials,
    trials_caption,
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
    tasks = [task for task in run.study["tasks"] if (scored["task"] == task).any()]
    tasks, depths, fewer = shown_grid(tasks, depths, "trials.csv")
    drawn = numbers[numbers["task"].isin(tasks) & numbers["depth"].isin(depths)]
    yield Plot(
        "progress",
        "Search progress: the best dev score so far of each cell against the device time of its "
        "trials, summed in the order in which they ended. Each mark is the end of a trial: hollow "
        "if the scheduler stopped it early, a cross if it failed, † if it is constant (predicts a "
        "single class): its score counts only if all trials of the cell are."
        + fewer
        + trials_caption(len(drawn)),
        drawn,
        progress_figure(drawn, tasks, depths),
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
    hours = numbers.groupby("task")["device_hours"].max()
    places = [(task, depth) for task in tasks for depth in depths]
    cells = [numbers[(numbers["task"] == t) & (numbers["depth"] == d)] for t, d in places]
    # Trials that failed before the first score are drawn at its height.
    cells = [cell.assign(y=cell.groupby("method")["best"].bfill()) for cell in cells]
    marked = iter(zip(cells, shown_trials(cells), strict=True))
    for task, row in zip(tasks, grid, strict=True):
        minutes = hours[task] < _MINUTES_BELOW
        for depth, axes in zip(depths, row, strict=True):
            panel, trials = (
                p.assign(x=p["device_hours"] * (60 if minutes else 1)) for p in next(marked)
            )
            for method in methods:
                line = panel[panel["method"] == method]
                axes.plot(
                    line["x"], line["y"], color=colour(method), lw=1.2, drawstyle="steps-post"
                )
                _marks(axes, trials[trials["method"] == method], method)
            panel_title(axes, f"{task_label(task)}, {depth} layers")
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


def _marks(axes: Axes, cell: pd.DataFrame, method: str) -> None:
    x, y = cell["x"], cell["y"]
    style: dict[str, Any] = {"s": 20, "linewidths": 0.9, "zorder": 3}
    constant = cell["constant"] & (cell["state"] != "failed")
    for state, face in (("complete", colour(method)), ("stopped", "white")):
        at = (cell["state"] == state) & ~constant
        if at.any():
            axes.scatter(x[at], y[at], marker=marker(method), fc=face, ec=colour(method), **style)
    for symbol, at, size in (
        ("x", cell["state"] == "failed", 20),
        (CONSTANT_MARKER, constant, 60),
    ):
        style |= {"s": size}
        if at.any():
            axes.scatter(x[at], y[at], marker=symbol, color=colour(method), **style)
