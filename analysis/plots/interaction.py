"""The plots of two hyperparameters together: temperature and alpha, learning rate and beta."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.labels import LOG_SETTINGS, SETTINGS, task_label
from analysis.plots.axis import set_axis
from analysis.plots.canvas import (
    Plot,
    finish,
    flat_panels,
    panel_title,
    shown_grid,
    shown_trials,
    trials_caption,
)
from analysis.results.settings import interaction
from analysis.run_data.runs import Run
from analysis.search_history.trend import is_choice

PAIRS = (("temperature", "alpha"), ("learning_rate", "beta"))
POOLED = "all tasks"
_MAP = colormaps["PuOr_r"]  # orange above the mean, violet below; safe for colour-blind readers
_COLUMNS = 2
_ABOVE, _BELOW = "o", "X"  # in greyscale both ends of the colours are dark
_EXTREME = 0.9  # share of the trials that the colours span, so that outliers do not dominate


def plots(run: Run) -> Iterator[Plot]:
    """Yields a plot for each pair of hyperparameters that both varied."""
    for first, second in PAIRS:
        points = interaction(run, first, second)
        if points[first].nunique() < 2 or points[second].nunique() < 2:
            continue
        name = f"interaction-{first}-{second}"
        tasks = [task for task in run.study["tasks"] if (points["task"] == task).any()]
        tasks, _, fewer = shown_grid(tasks, [0], "trials.csv")
        choices = is_choice(points[first]) and is_choice(points[second])
        marks = "numbers are the means" if choices else "circles: above the mean, crosses: below"
        caption = (
            f"Dev score by {SETTINGS[first]} and {SETTINGS[second]} together: the score of each "
            "search trial minus the mean of its cell (task, depth and method), in points; "
            f"{marks}. All depths and methods with both hyperparameters are included; trials that "
            "were stopped early count with their last score. With several tasks, the last panel "
            f"shows all of them.{fewer}"
        )
        drawn = points[points["task"].isin(tasks)]
        if not choices:
            caption += trials_caption(len(drawn) + len(points) * (points["task"].nunique() > 1))
        yield Plot(name, caption, drawn, interaction_figure(points, first, second, tasks))


def means(points: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Returns the mean ``centred`` score of each combination of two hyperparameters' choices.

    Returns:
        A row per value of `second`, a column per value of `first`, both ascending; missing for a
        combination without trials.
    """
    return points.pivot_table("centred", second, first, aggfunc="mean")


def interaction_figure(
    points: pd.DataFrame, first: str, second: str, tasks: Sequence[str]
) -> Figure:
    """Draws centred scores over two hyperparameters: a panel per task, and one for all tasks.

    If both are choices, a heat map shows the means; otherwise each trial is a mark.

    Args:
        points: What `analysis.results.settings.interaction` returns.
        first: The hyperparameter on the horizontal axis.
        second: The one on the vertical axis.
        tasks: The tasks to draw, in order.
    """
    every_task = [*tasks, *([POOLED] if points["task"].nunique() > 1 else [])]
    figure, grid, every = flat_panels(len(every_task), min(_COLUMNS, len(every_task)))
    panels = [points if t == POOLED else points[points["task"] == t] for t in every_task]
    choices = is_choice(points[first]) and is_choice(points[second])
    coloured = points["centred"]
    if choices:
        coloured = pd.concat([means(panel, first, second).stack() for panel in panels])
    limit = max(float(coloured.abs().quantile(_EXTREME)), 0.05)
    colours = ScalarMappable(Normalize(-limit, limit), _MAP)
    panels = panels if choices else shown_trials(panels)
    for task, panel, axes in zip(every_task, panels, every, strict=True):
        x = set_axis(axes, "x", points[first], first in LOG_SETTINGS)
        y = set_axis(axes, "y", points[second], second in LOG_SETTINGS)
        if choices and x and y:
            _heat_map(axes, means(panel, first, second).reindex(index=y, columns=x), colours)
        else:
            at = (_places(panel[first], x), _places(panel[second], y))
            _scatter(axes, *at, panel["centred"], colours)
        panel_title(axes, task_label(task))
    for axes in every[-len(grid[0]) :]:
        axes.set_xlabel(SETTINGS[first], fontsize=9)
    handles = [] if choices else [_handle(_ABOVE, "above"), _handle(_BELOW, "below")]
    title = f"Dev score by {SETTINGS[first]} and {SETTINGS[second]}"
    finish(figure, grid, title, handles, ylabel=SETTINGS[second].partition(" (")[0])
    bar = figure.colorbar(colours, ax=every, extend="both", shrink=0.9, aspect=30)
    bar.set_label("score minus its cell's mean (points)", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    return figure


def _places(values: pd.Series, choices: list[Any] | None) -> pd.Series:
    return values if choices is None else values.map(choices.index).astype(float)


def _heat_map(axes: Axes, table: pd.DataFrame, colours: ScalarMappable) -> None:
    axes.grid(False)
    shades = colours.to_rgba(np.ma.masked_invalid(table.to_numpy()))
    axes.imshow(shades, aspect="auto", origin="lower")
    for (i, j), value in np.ndenumerate(table.to_numpy()):
        if np.isfinite(value):
            # The luminance of the shade decides between dark and light digits.
            light = shades[i, j, :3] @ (0.299, 0.587, 0.114) > 0.5
            style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8}
            axes.text(j, i, f"{value:+.1f}", color="black" if light else "white", **style)


def _scatter(
    axes: Axes,
    x: pd.Series,
    y: pd.Series,
    centred: pd.Series,
    colours: ScalarMappable,
) -> None:
    for mark, side in ((_BELOW, centred < 0), (_ABOVE, centred >= 0)):
        shades = colours.to_rgba(centred[side].to_numpy())
        style: dict[str, Any] = {"marker": mark, "s": 24, "linewidths": 0.5, "alpha": 0.9}
        axes.scatter(x[side], y[side], c=shades, ec="#444444", **style)


def _handle(mark: str, where: str) -> Line2D:
    label = f"{where} its cell's mean"
    return Line2D([], [], marker=mark, ls="", mfc="#cccccc", mec="#444444", label=label)
