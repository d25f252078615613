"""What all plots share: a picture with its numbers, panels, legends, a colour per method."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis.labels import method_label, method_of
from pkd.distillation.methods import METHODS, TEACHER

PANEL = (3.9, 2.1)  # inches of one small multiple
# A picture has panels for so many tasks and depths; `shown` picks them and words the caption.
MAX_TASKS, MAX_DEPTHS = 8, 4
MAX_PANELS = 16  # of a picture with a panel for every task at every depth, if it draws slowly
_MIN_WIDTH = 6.2  # inches that the title and the legend need
_MARGIN = 1.1  # inches above and below the panels for title, legend and axis label
TEACHER_LINE: dict[str, Any] = {"color": METHODS[TEACHER].colour, "ls": "--", "lw": 1}
Grid = list[list[Axes]]
T = TypeVar("T")


@dataclass(frozen=True)
class Plot:
    """One plot of the report.

    Attributes:
        name: The stem of its files.
        caption: What is seen, with its units and what the marks mean.
        numbers: What was drawn, tidy.
        figure: The picture.
    """

    name: str
    caption: str
    numbers: pd.DataFrame
    figure: Figure

    def write(self, folder: Path) -> None:
        """Write ``<name>.png``, ``<name>.svg`` and ``<name>.csv`` into `folder`."""
        # Laid out once: matplotlib would do it, and draw everything, twice for each file.
        layout = self.figure.get_layout_engine()
        if layout is not None:
            layout.execute(self.figure)
            self.figure.set_layout_engine(None)
        self.figure.savefig(folder / f"{self.name}.png", dpi=110)
        # Without a date, the same numbers give the same file.
        self.figure.savefig(folder / f"{self.name}.svg", metadata={"Date": None})
        self.numbers.to_csv(folder / f"{self.name}.csv", index=False)


def panels(rows: int, cols: int, size: tuple[float, float] = PANEL) -> tuple[Figure, Grid]:
    """An empty figure of small multiples.

    Args:
        rows: How many rows.
        cols: How many columns.
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
    """`panels` for a list of things: the surplus ones of the last row are removed.

    Returns:
        The figure, its axes row by row, and the first `count` of them in one list.
    """
    figure, grid = panels(-(-count // cols), min(cols, count))
    every = [axes for row in grid for axes in row]
    for axes in every[count:]:
        axes.remove()
    return figure, grid, every[:count]


def shown(things: Sequence[T], most: int, what: str, name: str) -> tuple[list[T], str]:
    """The first of many things that get a panel each, so that a picture stays readable.

    Args:
        things: Tasks or depths in the order of the study; those with numbers only.
        most: `MAX_TASKS` or `MAX_DEPTHS`.
        what: Their name in the plural, for example ``tasks``.
        name: The plot's name; its CSV holds the rest.

    Returns:
        The things to draw, and the end of the caption that tells what was left out: empty if
        nothing was, else with a space in front.
    """
    if len(things) <= most:
        return list(things), ""
    left_out = f" Drawn: the first {most} of {len(things)} {what}; {name}.csv holds all."
    return list(things[:most]), left_out


def finish(
    figure: Figure,
    grid: Grid,
    title: str,
    handles: Sequence[Line2D] = (),
    ylabel: str = "dev score (%)",
) -> None:
    """Label the first panel of each row, set the title above and one legend below."""
    for row in grid:
        row[0].set_ylabel(ylabel, fontsize=9)
    figure.suptitle(title, fontsize=10.5)
    if handles:
        rows = -(-len(handles) // 6)
        style: dict[str, Any] = {"ncols": -(-len(handles) // rows)}
        style |= {"fontsize": 8.5, "frameon": False}
        figure.legend(handles=handles, loc="outside lower center", columnspacing=1.2, **style)


def method_handles(methods: Iterable[str]) -> list[Line2D]:
    """Legend entries: each method's marker in its colour."""
    return [
        Line2D([], [], marker=marker(m), ls="", color=colour(m), label=method_label(m))
        for m in methods
    ]


def hollow_handle(label: str) -> Line2D:
    """The legend entry of hollow marks, whatever their method."""
    return Line2D([], [], marker="o", ls="", mfc="none", mec="#555555", label=label)


def methods_in_order(methods: pd.Series) -> list[str]:
    """The methods there are, in the order that every plot uses."""
    order = list(METHODS)
    return sorted(methods.unique(), key=lambda m: (order.index(m) if m in order else 99, m))


def dodge(i: int, n: int) -> float:
    """Where the `i`-th of `n` marks stands that share a place, so that none hides another."""
    return 0.6 * ((i + 0.5) / n - 0.5)


def colour(method: str) -> str:
    """The method's colour."""
    return method_of(method).colour


def marker(method: str) -> str:
    """The method's marker, which tells it apart in grey print."""
    return method_of(method).marker
