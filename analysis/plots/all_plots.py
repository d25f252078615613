"""All plots of the report, in its order."""

from collections.abc import Callable, Iterator
from pathlib import Path

from analysis.plots import (
    ablation,
    curves,
    gains,
    importance,
    interaction,
    methods,
    pareto,
    progress,
)
from analysis.plots.canvas import Plot
from analysis.rendering import GENERATED
from analysis.run_data.runs import Run

_PLOTS: tuple[Callable[[Run], Iterator[Plot]], ...] = (
    methods.plots,
    gains.plots,
    pareto.plots,
    curves.plots,
    progress.plots,
    ablation.plots,
    interaction.plots,
    importance.plots,
)


def write_plots(run: Run, folder: Path) -> list[Plot]:
    """Draws every plot that the study has numbers for.

    Args:
        run: The study.
        folder: An existing folder, which gets ``<name>.png``, ``.svg`` and ``.csv`` of each plot.

    Returns:
        The plots, in the order of the report.
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
