"""Shared parts of the plots: figure with numbers, panels, legends, a colour per method."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from analysis.labels import method_label, method_of
from pkd.distillation.methods import METHODS, TEACHER

CONSTANT_CAPTION = " † marks what is constant (predicts a single class) on a seed or more."
CONSTANT_MARKER = "$\u2020$"  # of a constant trial
PANEL = (3.9, 2.1)  # inches of one small multiple
# Tasks and depths with panels in one figure; `shown` picks them and extends the caption.
MAX_TASKS, MAX_DEPTHS = 8, 4
MAX_PANELS = 16  # of slow figures with a panel for every task at every depth
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

    @property
    def title(self) -> str:
        """The title of the figure; what a reader without the image gets beside the caption."""
        return self.figure.get_suptitle().rpartition("\n")[2]

    def write(self, folder: Path) -> None:
        """Writes ``<name>.png``, ``<name>.svg`` and ``<name>.csv`` into `folder`."""
        for text in self.figure.findobj(Text):
            text.set_parse_math(False)  # a label may hold dollar signs
        # One layout for both files; otherwise matplotlib computes it, and draws, twice per file.
        layout = self.figure.get_layout_engine()
        if layout is not None:
            layout.execute(self.figure)
            self.figure.set_layout_engine(None)
        self.figure.savefig(folder / f"{self.name}.png", dpi=110)
        # No date: the same numbers give the same file.
        self.figure.savefig(folder / f"{self.name}.svg", metadata={"Date": None})
        self.numbers.to_csv(folder / f"{self.name}.csv", index=False)


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
    FigureCanvasAgg(figure)
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


def shown(items: Sequence[T], most: int, what: str, name: str) -> tuple[list[T], str]:
    """Returns the first items of a list that get a panel each, so that a figure stays readable.

    Args:
        items: Tasks or depths with numbers, in the order of the study.
        most: `MAX_TASKS` or `MAX_DEPTHS`.
        what: Their name in the plural, for example ``tasks``.
        name: The name of the plot; its CSV file holds all items.

    Returns:
        The items to draw, and a sentence for the caption about the others: empty if there are
        none, otherwise with a leading space.
    """
    if len(items) <= most:
        return list(items), ""
    left_out = f" The figure shows the first {most} of {len(items)} {what}; {name}.csv holds all."
    return list(items[:most]), left_out


def finish(
    figure: Figure,
    grid: Grid,
    title: str,
    handles: Sequence[Line2D] = (),
    ylabel: str = "dev score (%)",
) -> None:
    """Labels the first panel of each row, adds the title above and one legend below."""
    for row in grid:
        row[0].set_ylabel(ylabel, fontsize=9)
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
