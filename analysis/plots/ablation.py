"""Score against one hyperparameter: where in the space do the good trials lie?"""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from analysis.labels import LOG_SETTINGS, SETTINGS, setting_text, task_label
from analysis.plots.canvas import (
    Plot,
    colour,
    dodge,
    finish,
    hollow_handle,
    marker,
    method_handles,
    methods_in_order,
    panels,
)
from analysis.runs import Run
from analysis.settings import ablation

_FEW_VALUES = 8  # a setting with at most so many values is a grid, whose points would overlap


def plots(run: Run) -> Iterator[Plot]:
    """One plot for each hyperparameter that was searched."""
    for setting in run.settings:
        points = ablation(run, setting)
        if not points.empty:
            yield Plot(
                f"ablation-{setting}",
                f"Dev score against {SETTINGS.get(setting, setting)}: each point is a search "
                "trial; hollow ones were stopped early. Points of a grid are set side by side by "
                "method.",
                points,
                ablation_figure(points, setting, list(run.study["tasks"])),
            )


def ablation_figure(points: pd.DataFrame, setting: str, tasks: Sequence[str]) -> Figure:
    """Score against one hyperparameter: a row of panels per task, a column per depth.

    Args:
        points: What `analysis.settings.ablation` returns.
        setting: The hyperparameter.
        tasks: Their order.
    """
    tasks = [task for task in tasks if (points["task"] == task).any()]
    depths = sorted(points["depth"].unique(), reverse=True)
    methods = methods_in_order(points["method"])
    figure, grid = panels(len(tasks), len(depths))
    values = sorted(points["value"].unique())
    for task, row in zip(tasks, grid, strict=True):
        for depth, axes in zip(depths, row, strict=True):
            panel = points[(points["task"] == task) & (points["depth"] == depth)]
            _axis(axes, points["value"], values, log=setting in LOG_SETTINGS)
            _scatter(axes, panel, methods, values if _is_grid(points["value"], values) else None)
            axes.set_title(f"{task_label(task)}, {depth} layers", fontsize=9)
    handles = method_handles(methods)
    if (points["state"] == "stopped").any():
        handles.append(hollow_handle("stopped early"))
    title = f"Dev score (%) against {SETTINGS.get(setting, setting)}"
    for axes in grid[-1]:
        axes.set_xlabel(SETTINGS.get(setting, setting), fontsize=9)
    finish(figure, grid, title, handles)
    return figure


def _is_grid(column: pd.Series, values: list[Any]) -> bool:
    """Whether a setting has few values that come back, so that points would hide each other."""
    numeric = not any(isinstance(value, bool | str) for value in values)
    return not numeric or (len(values) <= _FEW_VALUES and 2 * len(values) <= len(column))


def _axis(axes: Axes, column: pd.Series, values: list[Any], log: bool) -> None:
    if _is_grid(column, values):
        axes.set_xticks(range(len(values)), [setting_text(value) for value in values])
        axes.set_xlim(-0.5, len(values) - 0.5)
    elif log and values[0] > 0:
        axes.set_xscale("log")
        # Labels at 1, 2 and 5 only while they fit.
        subs = (1.0, 2.0, 5.0) if values[-1] / values[0] < 150 else (1.0,)
        axes.xaxis.set_major_locator(LogLocator(subs=subs))
        axes.xaxis.set_major_formatter(lambda value, _: setting_text(value))
        axes.xaxis.set_minor_formatter(NullFormatter())
        # At least a decade: on less, the locator falls back to crowded odd numbers.
        margin = max(1.2, (10 * values[0] / values[-1]) ** 0.5)
        axes.set_xlim(values[0] / margin, values[-1] * margin)
    elif log and values[-1] > 0:
        axes.set_xscale("symlog", linthresh=min(value for value in values if value > 0))


def _scatter(
    axes: Axes, panel: pd.DataFrame, methods: list[str], grid_values: list[Any] | None
) -> None:
    for i, method in enumerate(methods):
        for state, face in (("stopped", "none"), ("complete", colour(method))):
            cell = panel[(panel["method"] == method) & (panel["state"] == state)]
            x = cell["value"]
            if grid_values is not None:
                x = x.map(grid_values.index) + dodge(i, len(methods))
            style: dict[str, Any] = {"marker": marker(method), "s": 22, "linewidths": 0.8}
            alpha = 0.6 if state == "stopped" else 0.9
            axes.scatter(x, cell["score"], fc=face, ec=colour(method), alpha=alpha, **style)
