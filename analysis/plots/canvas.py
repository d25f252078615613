"""Shared parts of the plots: figure with numbers, panels, legends, a colour per method."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from PIL import Image

from analysis.labels import method_label, method_of
from analysis.rendering import write_csv
from pkd.distillation.methods import METHODS, TEACHER
from pkd.shown_text import one_line

CONSTANT_CAPTION = " † marks what is constant (predicts a single class) on a seed or more."
CONSTANT_MARKER = "$\u2020$"  # of a constant trial
PANEL = (3.9, 2.1)  # inches of one small multiple
# Tasks and depths with panels in one figure; `shown` and `shown_grid` extend the caption.
MAX_TASKS, MAX_DEPTHS = 8, 4
MAX_PANELS = 16  # of a figure with a panel for every task at every depth
_FEW_PANELS = 4  # shown of a figure with more panels than fit on a page
_MAX_MARKS = 2000  # trials that a figure draws
_FEW_MARKS = 250  # of each panel if there are more
_DPI, _COLOURS = 110, 128  # of a PNG; a palette makes the file four times smaller
LONGEST_AXIS = 40  # characters beside a panel
_MIN_WIDTH = 6.2  # inches, for title and legend
_MARGIN = 1.1  # inches above and below the panels for title, legend and axis label
TEACHER_LINE: dict[str, Any] = {"color": METHODS[TEACHER].colour, "ls": "--", "lw": 1}
Grid = list[list[Axes]]
T = TypeVar("T")


@dataclass(frozen=True)
class Plot:
    """One plot of the report.

    Attributes:
        name: The name of its files, without the extension.
        caption: The explanation of the figure, with units and the meaning of the marks.
        numbers: The numbers in the figure, in tidy form.
        figure: The figure.
    """

    name: str
    caption: str
    numbers: pd.DataFrame
    figure: Figure

    def write(self, folder: Path) -> "WrittenPlot":
        """Writes ``<name>.png``, ``<name>.svg`` and ``<name>.csv`` into `folder`."""
        _lay_out(self.figure)
        _write_png(self.figure, folder / f"{self.name}.png")
        # No date: the same numbers give the same file.
        self.figure.savefig(folder / f"{self.name}.svg", dpi=_DPI, metadata={"Date": None})
        write_csv(self.numbers, folder / f"{self.name}.csv")
        return WrittenPlot(self.name, self.figure.get_suptitle().rpartition("\n")[2], self.caption)


@dataclass(frozen=True)
class WrittenPlot:
    """What the pages show of a plot beside its image. It holds no figure: figures are large.

    Attributes:
        name: The name of its files, without the extension.
        title: The title of the figure, for a reader without the image.
        caption: The explanation of the figure.
    """

    name: str
    title: str
    caption: str


def _lay_out(figure: Figure) -> None:
    """Places all parts once for both files; otherwise matplotlib draws each file twice."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if not axis.get_label_text():
                # A fixed place; otherwise matplotlib measures all ticks to place nothing.
                axis.set_label_coords(0, 0)
    layout = figure.get_layout_engine()
    if layout is not None:
        layout.execute(figure)
        figure.set_layout_engine(None)


def _write_png(figure: Figure, path: Path) -> None:
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(_DPI)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    image = image.quantize(_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    # The palette's lightest colour is 254 instead of white.
    image.putpalette([255 if value > 252 else value for value in image.getpalette() or ()])
    image.save(path, dpi=(_DPI, _DPI))


def panels(rows: int, cols: int, size: tuple[float, float] = PANEL) -> tuple[Figure, Grid]:
    """Returns an empty figure of small multiples.

    Args:
        rows: The number of rows.
        cols: The number of columns.
        size: Width and height of one panel, in inches.

    Returns:
        The figure and its axes, row by row.
    """
    width = max(_MIN_WIDTH, size[0] * cols)
    figure = Figure(figsize=(width, size[1] * rows + _MARGIN), layout="constrained")
    grid = figure.subplots(rows, cols, squeeze=False)
    for axes in grid.flat:
        axes.grid(color="#dddddd", lw=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=8)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.spines[["top", "right"]].set_visible(False)
    return figure, [list(row) for row in grid]


def flat_panels(count: int, cols: int = 2) -> tuple[Figure, Grid, list[Axes]]:
    """Returns `panels` for a list: surplus panels of the last row are removed.

    Returns:
        The figure, its axes row by row, and the first `count` of them in one list.
    """
    figure, grid = panels(math.ceil(count / cols), min(cols, count))
    every = [axes for row in grid for axes in row]
    for axes in every[count:]:
        axes.remove()
    return figure, grid, every[:count]


def shown(items: Sequence[T], most: int, what: str, file: str) -> tuple[list[T], str]:
    """Returns the first items of a list that get a panel each, so that a figure stays readable.

    Args:
        items: Tasks or depths with numbers, in the order of the study.
        most: `MAX_TASKS` or `MAX_DEPTHS`.
        what: Their name in the plural, for example ``tasks``.
        file: The file of the report that holds the numbers of all items.

    Returns:
        The items to draw, and a sentence for the caption about the others: empty if there are
        none, otherwise with a leading space.
    """
    if len(items) <= most:
        return list(items), ""
    left_out = f" The figure shows the first {most} of {len(items)} {what}; {file} holds all."
    return list(items[:most]), left_out


def shown_grid(
    tasks: Sequence[T], depths: Sequence[int], file: str
) -> tuple[list[T], list[int], str]:
    """Returns the tasks and depths of a figure with a panel for every task at every depth.

    A study of at most `MAX_TASKS`, `MAX_DEPTHS` and `MAX_PANELS` gets all; a larger one 4 panels.

    Args:
        tasks: The tasks with numbers, in the order of the study.
        depths: The depths with numbers, in order.
        file: The file of the report that holds the numbers of all.

    Returns:
        The tasks and depths to draw, and a sentence for the caption as `shown` returns it.
    """
    most_tasks, most_depths = MAX_TASKS, MAX_DEPTHS
    if (
        len(tasks) > most_tasks
        or len(depths) > most_depths
        or len(tasks) * len(depths) > MAX_PANELS
    ):
        most_depths = min(len(depths), max(2, _FEW_PANELS // len(tasks)))
        most_tasks = _FEW_PANELS // most_depths
    tasks, fewer_tasks = shown(tasks, most_tasks, "tasks", file)
    depths, fewer_depths = shown(depths, most_depths, "depths", file)
    return tasks, depths, fewer_tasks + fewer_depths


def shown_trials(panels: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Returns the trials of each panel that get a mark: all, or a few of each panel if too many.

    The few are evenly spaced, so that each cell of a panel keeps its share.
    """
    if sum(map(len, panels)) <= _MAX_MARKS:
        return list(panels)
    return [
        panel.iloc[np.linspace(0, len(panel) - 1, min(len(panel), _FEW_MARKS)).astype(int)]
        for panel in panels
    ]


def trials_caption(trials: int) -> str:
    """Returns the sentence about trials without a mark, with a leading space, or nothing.

    Args:
        trials: The number of trials in all panels of the figure.
    """
    if trials <= _MAX_MARKS:
        return ""
    return (
        f" Of more than {_FEW_MARKS} trials a panel shows {_FEW_MARKS}, evenly spaced; trials.csv "
        "holds all."
    )


def panel_title(axes: Axes, text: str) -> None:
    """Writes the title of a panel, at a fixed height: there are no ticks above the panel."""
    axes.set_title(text, fontsize=9, y=1.0)


def finish(
    figure: Figure,
    grid: Grid,
    title: str,
    handles: Sequence[Line2D] = (),
    ylabel: str = "dev score (%)",
) -> None:
    """Labels the first panel of each row, adds the title above and one legend below."""
    for row in grid:
        row[0].set_ylabel(one_line(ylabel, LONGEST_AXIS), fontsize=9)
    figure.suptitle(title, fontsize=10.5)
    if handles:
        rows = math.ceil(len(handles) / 6)
        style: dict[str, Any] = {"ncols": math.ceil(len(handles) / rows)}
        style |= {"fontsize": 8.5, "frameon": False}
        figure.legend(handles=handles, loc="outside lower center", columnspacing=1.2, **style)


def method_handles(methods: Iterable[str]) -> list[Line2D]:
    """Returns legend entries: the marker of each method in its colour."""
    return [
        Line2D([], [], marker=marker(m), ls="", color=colour(m), label=method_label(m))
        for m in methods
    ]


def hollow_handle(label: str) -> Line2D:
    """Returns the legend entry of hollow marks of any method."""
    return Line2D([], [], marker="o", ls="", mfc="none", mec="#555555", label=label)


def mark_constant(axes: Axes, x: float, y: float, seeds: int) -> None:
    """Writes † beside the mark of a model that is constant on one seed or more."""
    if seeds:
        style: dict[str, Any] = {"textcoords": "offset points", "fontsize": 9}
        axes.annotate("†", (x, y), xytext=(1, 5), **style)


def constant_caption(constant: pd.Series) -> str:
    """Returns the sentence of a caption about †, with a leading space; empty without such marks.

    Args:
        constant: For each mark, whether it is constant, or on how many seeds.
    """
    return CONSTANT_CAPTION if constant.fillna(0).any() else ""


def offset(i: int, n: int) -> float:
    """Returns the offset of the `i`-th of `n` marks at one place, so that they do not overlap."""
    return 0.6 * ((i + 0.5) / n - 0.5)


def colour(method: str) -> str:
    """Returns the colour of a method."""
    return method_of(method).colour


def marker(method: str) -> str:
    """Returns the marker of a method, which identifies it in greyscale prints."""
    return method_of(method).marker
