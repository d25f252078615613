"""The plot of what each method adds on each task: a slope chart from FT to KD to PKD."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn.isotonic import isotonic_regression

from analysis.labels import method_label, methods_in_order, task_label
from analysis.plots.canvas import (
    MAX_DEPTHS,
    MAX_TASKS,
    Plot,
    colour,
    constant_caption,
    finish,
    hollow_handle,
    mark_constant,
    marker,
    offset,
    panel_title,
    panels,
    shown,
)
from analysis.results.gains import gains
from analysis.run_data.runs import Run

_PANEL = (3.9, 3.9)
_LABEL = 0.058  # height of a label at the right, as a share of the panel
_SPREAD = 0.5  # of the usual distance between marks at one place
_LINE: dict[str, Any] = {"color": "#777777", "lw": 1.1, "zorder": 1}
# Dashes identify the lines of tasks that cross.
_DASHES = ["-", "--", ":", "-.", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1))]


def plots(run: Run) -> Iterator[Plot]:
    """Yields one plot if any task has two confirmed methods at one depth."""
    numbers = gains(run)
    if numbers.empty:
        return
    tasks = [task for task in run.study["tasks"] if (numbers["task"] == task).any()]
    tasks, fewer_tasks = shown(tasks, MAX_TASKS, "tasks", "slope.csv")
    depths, fewer_depths = shown(
        sorted(numbers["depth"].unique(), reverse=True), MAX_DEPTHS, "depths", "slope.csv"
    )
    base = method_label(numbers["baseline"].iloc[0])
    yield Plot(
        "slope",
        f"Confirmed dev score minus that of {base}, in points, for each task. The lines only "
        "connect the marks of a task. Error bars: standard error of the difference of the two "
        "means over seeds. Hollow marks: seeds are missing."
        + constant_caption(numbers["constant"])
        + fewer_tasks
        + fewer_depths,
        numbers,
        gains_figure(numbers, tasks, depths),
    )


def gains_figure(numbers: pd.DataFrame, tasks: Sequence[str], depths: Sequence[int]) -> Figure:
    """Draws a panel per depth, a line per task with its name at the right end.

    Args:
        numbers: What `analysis.results.gains.gains` returns.
        tasks: The tasks to draw, in order.
        depths: The depths to draw, in order.
    """
    figure, grid = panels(1, len(depths), _PANEL)
    numbers = numbers[numbers["task"].isin(tasks) & numbers["depth"].isin(depths)]
    methods = methods_in_order(numbers["method"])
    low = (numbers["difference"] - numbers["se"].fillna(0)).min()
    high = (numbers["difference"] + numbers["se"].fillna(0)).max()
    margin = 0.06 * (high - low) or 1.0
    for depth, axes in zip(depths, grid[0], strict=True):
        axes.set_ylim(low - margin, high + margin)  # the same for all depths
        panel = numbers[numbers["depth"] == depth]
        ends = {}
        for i, task in enumerate(tasks):
            line = panel[panel["task"] == task]
            aside = _SPREAD * offset(i, len(tasks)) * (line["method"] != line["baseline"])
            line = line.assign(place=line["method"].map(methods.index) + aside)
            line = line.sort_values("place")
            if len(line):
                _draw(axes, line, _DASHES[i % len(_DASHES)])
                ends[task] = (line["place"].iloc[-1], line["difference"].iloc[-1])
        _name_lines(axes, ends, len(methods))
        axes.set_xticks(range(len(methods)), [method_label(method) for method in methods])
        panel_title(axes, f"{depth} layers")
        axes.yaxis.set_major_locator(MaxNLocator(9))
        axes.axhline(0, color="#999999", lw=0.8, zorder=0.5)
    missing = (numbers["n"] < numbers["planned"]).any()
    handles = [hollow_handle("seeds missing")] if missing else []
    base = method_label(numbers["baseline"].iloc[0])
    title = f"What each method adds to {base}, by task"
    finish(figure, grid, title, handles, ylabel=f"dev score minus {base}'s (points)")
    return figure


def push_apart(wanted: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Returns places as near as possible to the wanted ones, at least `least` apart.

    Args:
        wanted: The wanted places, one or more, in any order.
        least: The smallest distance; made smaller if not all fit between `low` and `high`.
        low: The lowest place.
        high: The highest place.

    Returns:
        A place for each, in the order of `wanted`; equal wanted places keep their order, upwards.
    """
    count = len(wanted)
    least = min(least, (high - low) / max(count - 1, 1))
    order = np.argsort(wanted, kind="stable")
    steps = least * np.arange(count)
    # After subtracting the steps, "at least `least` apart" becomes "not decreasing".
    level = isotonic_regression(np.take(wanted, order) - steps, y_min=low, y_max=high - steps[-1])
    places = np.empty(count)
    places[order] = level + steps
    return [float(place) for place in places]


def _draw(axes: Axes, line: pd.DataFrame, dashes: Any) -> None:
    axes.plot(line["place"], line["difference"], ls=dashes, **_LINE)
    for row in line.to_dict("records"):
        face = colour(row["method"]) if row["n"] >= row["planned"] else "white"
        style: dict[str, Any] = {"color": colour(row["method"]), "marker": marker(row["method"])}
        style |= {"ms": 5, "mfc": face, "capsize": 2, "elinewidth": 0.9}
        axes.errorbar(row["place"], row["difference"], row["se"], **style)
        mark_constant(axes, row["place"], row["difference"], row["constant"])


def _name_lines(axes: Axes, ends: dict[str, tuple[float, float]], count: int) -> None:
    """Writes the name of each task beside the end of its line, without overlap."""
    low, high = axes.get_ylim()
    height = high - low
    inner = _LABEL * height / 2
    wanted = [y for _, y in ends.values()]
    places = push_apart(wanted, _LABEL * height, low + inner, high - inner)
    axes.set_xlim(-0.3, count - 1 + 0.27 * (count + 0.3))
    for (task, (x, y)), place in zip(ends.items(), places, strict=True):
        axes.annotate(
            task_label(task),
            xy=(x, y),
            xytext=(count - 1 + 0.3, place),
            fontsize=8.5,
            va="center",
            arrowprops={"arrowstyle": "-", "color": "#bbbbbb", "lw": 0.7, "shrinkB": 4},
        )
