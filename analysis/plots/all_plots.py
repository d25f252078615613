"""All plots of the report, in its order."""

from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib

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
from analysis.plots.canvas import Plot, WrittenPlot
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


def write_plots(run: Run, folder: Path) -> list[WrittenPlot]:
    """Draws every plot that the study has numbers for.

    Args:
        run: The study.
        folder: An existing folder, which gets ``<name>.png``, ``.svg`` and ``.csv`` of each plot.

    Returns:
        The plots, in the order of the report.
    """
    written = []
    # A label may hold dollar signs. The salt: the same numbers give the same file.
    with matplotlib.rc_context({"text.parse_math": False, "svg.hashsalt": "pkd-study"}):
        for collect in _PLOTS:
            for plot in collect(run):
                if run.generated:
                    warning = GENERATED.partition(":")[0]
                    title = plot.figure.get_suptitle()
                    plot.figure.suptitle(f"{warning}\n{title}", fontsize=10.5)
                written.append(plot.write(folder))
    return written
