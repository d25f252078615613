"""Draw the collected numbers. What is drawn is written as CSV beside each picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from analysis.labels import (
    COLOURS,
    LOG_SETTINGS,
    MARKERS,
    OTHER_COLOUR,
    OTHER_MARKER,
    SETTINGS,
    TEACHER,
    method_label,
    setting_text,
    task_label,
)
from analysis.rendering import GENERATED
from analysis.runs import Run
from analysis.settings import ablation, scores_by_method

_PANEL = (3.9, 2.1)  # inches of one small multiple
_MIN_WIDTH = 6.2  # inches that the title and the legend need
_MARGIN = 1.1  # inches above and below the panels for title, legend and axis label
_TEACHER_LINE: dict[str, Any] = {"color": COLOURS[TEACHER], "ls": "--", "lw": 1}
_FEW_VALUES = 8  # a setting with at most so many values is a grid, whose points would overlap


def write_plots(run: Run, folder: Path) -> list[tuple[str, str]]:
    """Draw every plot that there are numbers for.

    Args:
        run: The study.
        folder: An existing directory, which gets ``<name>.png`` and ``<name>.csv`` of each.

    Returns:
        (name, caption) of each plot drawn.
    """
    drawn = []
    warning = GENERATED.partition(":")[0] if run.generated else ""
    points = scores_by_method(run)
    if (points["method"] != TEACHER).any():
        figure = methods_figure(points, list(run.study["tasks"]), warning)
        caption = (
            "Methods and depths: mean and standard deviation of the dev score over confirm seeds; "
            "hollow where seeds are missing. The dashed line is the teacher that taught (n = 1)."
        )
        drawn.append(_write(figure, points, folder, "methods", caption))
    for setting in run.settings:
        points = ablation(run, setting)
        if points.empty:
            continue
        figure = ablation_figure(points, setting, list(run.study["tasks"]), warning)
        caption = (
            f"Dev score against {SETTINGS.get(setting, setting)}: each point is a search trial; "
            "hollow ones were stopped early. Points of a grid are set side by side by method."
        )
        drawn.append(_write(figure, points, folder, f"ablation-{setting}", caption))
    return drawn


def ablation_figure(
    points: pd.DataFrame, setting: str, tasks: Sequence[str], warning: str = ""
) -> Figure:
    """Score against one hyperparameter: a row of panels per task, a column per depth.

    Args:
        points: What `analysis.settings.ablation` returns.
        setting: The hyperparameter.
        tasks: Their order.
        warning: Printed in the title, for generated data.
    """
    tasks = [task for task in tasks if (points["task"] == task).any()]
    depths = sorted(points["depth"].unique(), reverse=True)
    methods = _in_order(points["method"])
    figure, grid = _panels(len(tasks), len(depths))
    values = sorted(points["value"].unique())
    for task, row in zip(tasks, grid, strict=True):
        for depth, axes in zip(depths, row, strict=True):
            panel = points[(points["task"] == task) & (points["depth"] == depth)]
            _axis(axes, points["value"], values, log=setting in LOG_SETTINGS)
            _scatter(axes, panel, methods, values if _is_grid(points["value"], values) else None)
            axes.set_title(f"{task_label(task)}, {depth} layers", fontsize=9)
    handles = _handles(methods)
    if (points["state"] == "stopped").any():
        handles.append(_hollow("stopped early"))
    title = f"Dev score (%) against {SETTINGS.get(setting, setting)}"
    for axes in grid[-1]:
        axes.set_xlabel(SETTINGS.get(setting, setting), fontsize=9)
    _finish(figure, grid, title, warning, handles)
    return figure


def methods_figure(points: pd.DataFrame, tasks: Sequence[str], warning: str = "") -> Figure:
    """Confirmed scores by method at each depth, a panel per task, the teacher as a line.

    Args:
        points: What `analysis.settings.scores_by_method` returns.
        tasks: Their order.
        warning: Printed in the title, for generated data.
    """
    students = points[points["method"] != TEACHER]
    tasks = [task for task in tasks if (students["task"] == task).any()]
    depths = sorted(students["depth"].unique(), reverse=True)
    methods = _in_order(students["method"])
    figure, grid = _panels(-(-len(tasks) // 2), min(2, len(tasks)))
    panels = [axes for row in grid for axes in row]
    for axes in panels[len(tasks) :]:
        axes.remove()
    for task, axes in zip(tasks, panels, strict=False):
        for i, method in enumerate(methods):
            cell = students[(students["task"] == task) & (students["method"] == method)]
            for row in cell.to_dict("records"):
                place = depths.index(row["depth"]) + _dodge(i, len(methods))
                face = _colour(method) if row["n"] >= row["planned"] else "white"
                style: dict[str, Any] = {"color": _colour(method), "marker": _marker(method)}
                axes.errorbar(place, row["mean"], row["sd"], ms=6, capsize=3, mfc=face, **style)
        for score in points.loc[(points["task"] == task) & (points["method"] == TEACHER), "mean"]:
            axes.axhline(score, **_TEACHER_LINE)
        axes.set_xticks(range(len(depths)), [f"{depth} layers" for depth in depths])
        axes.set_xlim(-0.5, len(depths) - 0.5)
        axes.set_title(task_label(task), fontsize=9)
    handles = _handles(methods)
    if (points["method"] == TEACHER).any():
        handles.append(Line2D([], [], label=method_label(TEACHER), **_TEACHER_LINE))
    if (points["n"] < points["planned"]).any():
        handles.append(_hollow("seeds missing"))
    title = "Dev score (%) by method and depth, mean ± standard deviation over seeds"
    _finish(figure, grid, title, warning, handles)
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
        for state, face in (("stopped", "none"), ("complete", _colour(method))):
            cell = panel[(panel["method"] == method) & (panel["state"] == state)]
            x = cell["value"]
            if grid_values is not None:
                x = x.map(grid_values.index) + _dodge(i, len(methods))
            style: dict[str, Any] = {"marker": _marker(method), "s": 22, "linewidths": 0.8}
            alpha = 0.6 if state == "stopped" else 0.9
            axes.scatter(x, cell["score"], fc=face, ec=_colour(method), alpha=alpha, **style)


def _panels(rows: int, cols: int) -> tuple[Figure, list[list[Axes]]]:
    size = (max(_MIN_WIDTH, _PANEL[0] * cols), _PANEL[1] * rows + _MARGIN)
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, cols, squeeze=False)
    for axes in grid.flat:
        axes.grid(color="#dddddd", lw=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=8)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.spines[["top", "right"]].set_visible(False)
    return figure, [list(row) for row in grid]


def _finish(
    figure: Figure, grid: list[list[Axes]], title: str, warning: str, handles: list[Line2D]
) -> None:
    for row in grid:
        row[0].set_ylabel("dev score (%)", fontsize=9)
    figure.suptitle("\n".join(filter(None, [warning, title])), fontsize=10.5)
    style: dict[str, Any] = {"ncols": min(len(handles), 6), "fontsize": 8.5, "frameon": False}
    figure.legend(handles=handles, loc="outside lower center", columnspacing=1.2, **style)


def _write(
    figure: Figure, points: pd.DataFrame, folder: Path, name: str, caption: str
) -> tuple[str, str]:
    figure.savefig(folder / f"{name}.png", dpi=110)
    points.to_csv(folder / f"{name}.csv", index=False)
    return name, caption


def _handles(methods: list[str]) -> list[Line2D]:
    return [
        Line2D([], [], marker=_marker(m), ls="", color=_colour(m), label=method_label(m))
        for m in methods
    ]


def _hollow(label: str) -> Line2D:
    return Line2D([], [], marker="o", ls="", mfc="none", mec="#555555", label=label)


def _in_order(methods: pd.Series) -> list[str]:
    """The methods there are, in the order that every plot uses."""
    order = list(COLOURS)
    return sorted(methods.unique(), key=lambda m: (order.index(m) if m in order else 99, m))


def _dodge(i: int, n: int) -> float:
    return 0.6 * ((i + 0.5) / n - 0.5)


def _colour(method: str) -> str:
    return COLOURS.get(method, OTHER_COLOUR)


def _marker(method: str) -> str:
    return MARKERS.get(method, OTHER_MARKER)
