"""The axis of a hyperparameter: choices side by side, or a linear or logarithmic range."""

from typing import Any, Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

from analysis.labels import setting_text
from analysis.search_history.trend import is_choice


def set_axis(
    axes: Axes, which: Literal["x", "y"], values: pd.Series, log: bool, descending: bool = False
) -> list[Any] | None:
    """Sets up an axis for the values of a hyperparameter.

    Args:
        axes: The panel.
        which: Its axis.
        values: The values of all trials in the figure, so that its panels agree.
        log: Whether the hyperparameter has a logarithmic scale.
        descending: Whether choices are sorted from the highest to the lowest.

    Returns:
        The choices in their order, at the places 0, 1, 2 …; or None for a range.
    """
    distinct = sorted(values.unique())
    axis = axes.xaxis if which == "x" else axes.yaxis
    if is_choice(values):
        distinct = distinct[::-1] if descending else distinct
        axis.set_ticks(range(len(distinct)), [setting_text(value) for value in distinct])
        axes.set(**{f"{which}lim": (-0.5, len(distinct) - 0.5)})
        return distinct
    if log and distinct[0] > 0:
        axes.set(**{f"{which}scale": "log"})
        # Labels at 1, 2 and 5 only while they fit.
        subs = (1.0, 2.0, 5.0) if distinct[-1] / distinct[0] < 150 else (1.0,)
        axis.set_major_locator(LogLocator(subs=subs))
        axis.set_major_formatter(lambda value, _: setting_text(value))
        axis.set_minor_locator(NullLocator())  # unlabelled, and slow to draw
        # At least a decade: on less, the locator switches to crowded odd numbers.
        margin = max(1.2, (10 * distinct[0] / distinct[-1]) ** 0.5)
        axes.set(**{f"{which}lim": (distinct[0] / margin, distinct[-1] * margin)})
    elif log and distinct[-1] > 0:
        smallest = min(value for value in distinct if value > 0)
        getattr(axes, f"set_{which}scale")("symlog", linthresh=smallest)
        axis.set_major_formatter(lambda value, _: setting_text(value))
    else:
        margin = 0.05 * (distinct[-1] - distinct[0]) or 1.0
        axes.set(**{f"{which}lim": (distinct[0] - margin, distinct[-1] + margin)})
    return None
