"""The ablation plots: score against one hyperparameter."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.labels import LOG_SETTINGS, SETTINGS, methods_in_order, task_label
from analysis.plots.axis import set_axis
from analysis.plots.canvas import (
    CONSTANT_MARKER,
    Plot,
    colour,
    constant_caption,
    finish,
    flat_panels,
    hollow_handle,
    marker,
    method_handles,
    offset,
    panel_title,
    panels,
    shown_grid,
    shown_trials,
    trials_caption,
)
from analysis.results.settings import ablation
from analysis.run_data.runs import Run
from analysis.search_history.ablation_lines import CELL_KEYS, POOLED, ablation_numbers, pooled
from analysis.search_history.trend import MIN_ALONG, MIN_TRIALS, WINDOW, is_choice

_CENTRED = {"depth": "task and method", "strategy": "task and depth"}  # otherwise the cell
_LINES = {"best": "-", "median": ":"}
_JOINED, _JOINED_COLOUR = "skip and last", "#333333"  # lines that join methods


def plots(run: Run) -> Iterator[Plot]:
    """Yields a plot for each hyperparameter, and for depth and layer strategy if they varied."""
    for setting in [*run.settings, *CELL_KEYS]:
        points = ablation(run, setting)
        if points["value"].nunique() < (2 if setting in CELL_KEYS else 1):
            continue
        name = f"ablation-{setting}"
        depths = sorted(points["depth"].unique(), reverse=True)
        tasks = [task for task in run.study["tasks"] if (points["task"] == task).any()]
        if setting == "depth":
            tasks, _, fewer = shown_grid(tasks, [0], "trials.csv")
        else:
            tasks, depths, fewer = shown_grid(tasks, depths, "trials.csv")
        numbers = ablation_numbers(points, setting, tasks)
        figure = ablation_figure(numbers, setting, tasks, depths)
        at_depth = numbers["depth"].isin(depths) | numbers["depth"].isna()
        drawn = numbers[numbers["task"].isin([*tasks, POOLED]) & at_depth]
        trials = (drawn["mark"] == "trial").sum() + pooled(points)["depth"].isin(depths).sum()
        caption = _caption(setting, numbers) + constant_caption(points["constant"])
        yield Plot(name, caption + fewer + trials_caption(trials), drawn, figure)


def ablation_figure(
    numbers: pd.DataFrame, setting: str, tasks: Sequence[str], depths: Sequence[int]
) -> Figure:
    """Draws score against one hyperparameter: a row of panels per task, a column per depth.

    The last row pools the tasks. A plot against depth has one panel per task.

    Args:
        numbers: What `ablation_numbers` returns.
        setting: The hyperparameter.
        tasks: The tasks to draw, in order.
        depths: The depths to draw, in order.
    """
    points = numbers[numbers["mark"] == "trial"]
    together = pooled(points)
    lines = numbers[numbers["mark"] != "trial"]
    rows = [*tasks, *([POOLED] if len(together) else [])]
    places: list[tuple[str, int | None]]
    if setting == "depth":
        places = [(task, None) for task in rows]
        figure, grid, every = flat_panels(len(rows))
    else:
        places = [(task, depth) for task in rows for depth in depths]
        figure, grid = panels(len(rows), len(depths))
        every = [axes for row in grid for axes in row]
    methods = methods_in_order(points["method"])
    # Each layer strategy is one method: no offset between methods.
    offsets = {
        method: 0.0 if setting == "strategy" else offset(i, len(methods))
        for i, method in enumerate(methods)
    }
    log = setting in LOG_SETTINGS
    drawn = [_part(together if task == POOLED else points, task, depth) for task, depth in places]
    for (task, depth), panel, axes in zip(places, shown_trials(drawn), every, strict=True):
        choices = set_axis(axes, "x", points["value"], log, descending=setting == "depth")
        _scatter(axes, panel, offsets, choices)
        _lines(axes, _part(lines, task, depth), offsets, choices)
        layers = "" if depth is None else f", {depth} layers"
        panel_title(axes, f"{task_label(task)}{layers}")
    for axes in every[-len(grid[0]) :]:
        axes.set_xlabel(SETTINGS.get(setting, setting), fontsize=9)
    title = f"Dev score (%) against {SETTINGS.get(setting, setting)}"
    finish(figure, grid, title, _handles(points, lines, methods))
    for (task, _), axes in zip(places, every, strict=True):
        if task == POOLED:
            shared = _CENTRED.get(setting, "cell")
            axes.set_ylabel(f"score minus mean of\nits {shared} (points)", fontsize=9)
            axes.axhline(0, color="#999999", lw=0.8, zorder=0.5)
    return figure


def _caption(setting: str, numbers: pd.DataFrame) -> str:
    where = "at that choice"
    if not is_choice(numbers.loc[numbers["mark"] == "trial", "value"]):
        where = (
            f"within {100 * WINDOW:.0f} % of the axis to either side and {MIN_ALONG} on the whole "
            "axis"
        )
    shared = _CENTRED.get(setting, "cell (task, depth and method)")
    text = (
        f"Dev score against {SETTINGS.get(setting, setting)}. Each point is a search trial; "
        "hollow points are trials that the scheduler stopped early, after fewer epochs. For "
        "choices, methods are drawn side by side. The lines show the best and the median trial; "
        f"they need at least {MIN_TRIALS} trials {where} (along a range, near trials weigh more). "
        "The search tries promising values more often, and the best of more trials is higher: "
        "trust the median more than the best."
    )
    if len(pooled(numbers)):
        text += (
            f" The last panels show all tasks: each score minus the mean of its {shared}, if more "
            "than one value was tried there."
        )
    return text


def _part(frame: pd.DataFrame, task: str, depth: int | None) -> pd.DataFrame:
    frame = frame[frame["task"] == task]
    return frame if depth is None else frame[frame["depth"] == depth]


def _place(
    values: pd.Series, method: str, offsets: dict[str, float], choices: list[Any] | None
) -> pd.Series:
    if choices is None:
        return values
    return values.map(choices.index).astype(float) + offsets.get(method, 0.0)


def _scatter(
    axes: Axes, panel: pd.DataFrame, offsets: dict[str, float], choices: list[Any] | None
) -> None:
    panel = panel.assign(kind=panel["state"].mask(panel["constant"].astype(bool), "constant"))
    groups = dict(list(panel.groupby(["method", "kind"], sort=False)))
    styles: dict[str, dict[str, Any]] = {
        "stopped": {"s": 16, "linewidths": 0.7, "alpha": 0.4},
        "complete": {"s": 16, "linewidths": 0.7, "alpha": 0.55},
        "constant": {"s": 60, "linewidths": 0.2},
    }
    for method, (kind, style) in itertools.product(offsets, styles.items()):
        cell = groups.get((method, kind))
        if cell is None:
            continue
        symbol = CONSTANT_MARKER if kind == "constant" else marker(method)
        face = "none" if kind == "stopped" else colour(method)
        x = _place(cell["value"], method, offsets, choices)
        style = {"marker": symbol, "fc": face, "ec": colour(method), "zorder": 2, **style}
        axes.scatter(x, cell["score"], **style)


def _lines(
    axes: Axes, lines: pd.DataFrame, offsets: dict[str, float], choices: list[Any] | None
) -> None:
    if lines["method"].isna().all():  # they join methods
        lines = lines.assign(method=_JOINED)
    for key, line in lines.groupby(["method", "mark"], sort=False):
        method, mark = map(str, key)
        shade = _JOINED_COLOUR if method == _JOINED else colour(method)
        x = _place(line["value"], method, offsets, choices)
        axes.plot(x, line["score"], color=shade, ls=_LINES[mark], lw=1.4, zorder=3)


def _handles(points: pd.DataFrame, lines: pd.DataFrame, methods: list[str]) -> list[Line2D]:
    handles = method_handles(methods)
    if (points["state"] == "stopped").any():
        handles.append(hollow_handle("stopped early"))
    if len(lines):
        style: dict[str, Any] = {"color": _JOINED_COLOUR, "lw": 1.4}
        handles += [Line2D([], [], label=m, ls=ls, **style) for m, ls in _LINES.items()]
    return handles
