"""The report's plots; in each file numbers are collected by one function, drawn by another."""

from collections.abc import Callable, Iterator
from pathlib import Path

from analysis.plots import (
    ablation,
    curves,
    importance,
    interaction,
    methods,
    pareto,
    progress,
    slope,
)
from analysis.plots.canvas import Plot
from analysis.rendering import GENERATED
from analysis.run_data.runs import Run

_PLOTS: tuple[Callable[[Run], Iterator[Plot]], ...] = (
    methods.plots,
    slope.plots,
    pareto.plots,
    curves.plots,
    progress.plots,
    ablation.plots,
    interaction.plots,
    importance.plots,
)


def write_plots(run: Run, folder: Path) -> list[Plot]:
    """Draw every plot that there are numbers for.

    Args:
        run: The study.
        folder: An existing directory, which gets ``<name>.png``, ``.svg`` and ``.csv`` of each.

    Returns:
        The plots, in the report's order.
    """
    drawn = []
    for collect in _PLOTS:
        for plot in collect(run):
            if run.generated:
                warning = GENERATED.partition(":")[0]
                plot.figure.suptitle(f"{warning}\n{plot.figure.get_suptitle()}", fontsize=10.5)
            plot.write(folder)
            drawn.append(plot)
    return drawn
