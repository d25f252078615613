"""The plot of hyperparameter importance: a table of shaded numbers for the searched cells."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.labels import SETTINGS, method_label, methods_in_order, task_label
from analysis.plots.canvas import Plot, panels, shown_grid
from analysis.run_data.runs import Run
from analysis.search_history.importance import MIN_TRIALS, importance

MAX_CELLS = 64  # each takes a tenth of a second, and more rows are not readable
_NAME = "importance"
_SHADES = ScalarMappable(Normalize(0, 1), colormaps["Blues"].resampled(256))
_HEADINGS = {"temperature": "T", "normalize": "normal-\nised", "learning_rate": "learning\nrate"}
_ROW, _COLUMN, _LABELS = 0.21, 0.62, 1.2  # inches


_CAPTION = (
    "Hyperparameter importance by fANOVA: the share (percent) of the variance of the dev score "
    "over the search space that each hyperparameter explains alone; the rest of a row, up to 100, "
    "is interactions. Blank: the method does not have the hyperparameter. R²: how well a forest "
    "predicts trials that it was not trained on (out of bag, at most 1); at 0 or below, the row "
    "is noise and not shaded. Every search trial that ended counts with its last score. This "
    "includes trials that were stopped early, because they show the bad settings; it gives more "
    "weight to effects in the first epochs. Cells with fewer than "
    f"{MIN_TRIALS} such trials have no numbers."
)

NO_IMPORTANCE = (
    f"There is no plot of hyperparameter importance: it needs a cell with {MIN_TRIALS} ended "
    "search trials that differ in two hyperparameters and in their scores."
)


def plots(run: Run) -> Iterator[Plot]:
    """Yields one plot if any cell has enough trials."""
    search = run.trials[run.trials["stage"] == "search"]
    every_depth = sorted(search["depth"].unique(), reverse=True)
    every_task = [task for task in run.study["tasks"] if (search["task"] == task).any()]
    tasks, depths, _ = shown_grid(every_task, every_depth, _NAME)
    tasks = tasks[: max(1, MAX_CELLS // max(1, len(depths) * search["method"].nunique()))]
    numbers = importance(run, tasks, depths)
    if numbers["importance"].isna().all():
        return
    caption = _CAPTION
    if len(tasks) < len(every_task) or len(depths) < len(every_depth):
        caption += (
            f" Computed for {len(tasks)} of {len(every_task)} tasks and {len(depths)} of "
            f"{len(every_depth)} depths only, because each cell needs its own forest."
        )
    yield Plot(_NAME, caption, numbers, importance_figure(numbers, run.settings, tasks, depths))


def importance_figure(
    numbers: pd.DataFrame, settings: Sequence[str], tasks: Sequence[str], depths: Sequence[int]
) -> Figure:
    """Draws a panel per depth with a row per cell and a column per hyperparameter.

    Args:
        numbers: What `analysis.search_history.importance.importance` returns.
        settings: The hyperparameters in the order of the columns.
        tasks: The tasks to draw, in order.
        depths: The depths to draw, in order.
    """
    settings = [name for name in settings if (numbers["setting"] == name).any()]
    methods = methods_in_order(numbers["method"])
    cells = [(task, method) for task in tasks for method in methods]
    size = (_LABELS + _COLUMN * (len(settings) + 1), 0.5 + _ROW * len(cells))
    figure, grid = panels(1, len(depths), size)
    for depth, axes in zip(depths, grid[0], strict=True):
        at_depth = numbers[numbers["depth"] == depth]
        _frame(axes, settings, cells)
        for i, (task, method) in enumerate(cells):
            row = at_depth[(at_depth["task"] == task) & (at_depth["method"] == method)]
            _row(axes, i, row.set_index("setting"), list(settings))
        for i in range(len(methods), len(cells), len(methods)):
            axes.axhline(i - 0.5, color="#999999", lw=0.6)
        axes.set_title(f"{depth} layers", fontsize=9)
    figure.suptitle("Hyperparameter importance (% of the variance of the score)", fontsize=10.5)
    return figure


def _frame(axes: Axes, settings: Sequence[str], cells: Sequence[tuple[str, str]]) -> None:
    heads = [_HEADINGS.get(name, SETTINGS.get(name, name).partition(" (")[0]) for name in settings]
    axes.set(xlim=(-0.5, len(settings) + 0.5), ylim=(len(cells) - 0.5, -0.5))
    axes.set_xticks(range(len(settings) + 1), [*heads, "R²"], fontsize=8)
    axes.set_yticks(
        range(len(cells)), [f"{task_label(t)}  {method_label(m)}" for t, m in cells], fontsize=8
    )
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    axes.grid(False)
    axes.spines[:].set_visible(False)


def _row(axes: Axes, i: int, cell: pd.DataFrame, settings: list[str]) -> None:
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8}
    if not len(cell):
        axes.text(-0.4, i, "– no trials yet", color="#666666", **style | {"ha": "left"})
        return
    reason, fit = cell["reason"].iloc[0], cell["fit"].iloc[0]
    if isinstance(reason, str):
        axes.text(-0.4, i, f"– {reason}", color="#666666", **style | {"ha": "left"})
        return
    for name, share in cell["importance"].items():
        j = settings.index(str(name))
        shade = _SHADES.to_rgba(share) if fit > 0 else (1.0, 1.0, 1.0, 1.0)
        axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fc=shade, ec="white"))
        dark = np.dot(shade[:3], (0.299, 0.587, 0.114)) < 0.5
        ink = "white" if dark else "black" if fit > 0 else "#888888"
        axes.text(j, i, f"{100 * share:.0f}", color=ink, **style)
    axes.text(len(settings), i, f"{fit:.2f}", color="black" if fit > 0 else "#888888", **style)
