"""The points and lines of an ablation plot: score against one hyperparameter."""

from collections.abc import Sequence

import pandas as pd

from analysis.labels import LOG_SETTINGS
from analysis.search_history.trend import trends

POOLED = "all tasks"  # the `task` of the lines through the centred scores of all tasks
LINES = ("best", "median")
CELL_KEYS = {"depth": "depth", "strategy": "method"}  # searched as cells, with the key that varies
_CELL = ["task", "depth", "method"]


def ablation_numbers(points: pd.DataFrame, setting: str, tasks: Sequence[str]) -> pd.DataFrame:
    """Returns the trials and the lines through them.

    Args:
        points: What `analysis.results.settings.ablation` returns.
        setting: The hyperparameter.
        tasks: The tasks that get their own lines.

    Returns:
        The points with ``mark`` = ``trial``, then rows with ``mark`` = ``best`` or ``median``:
        one per place of a line, whose ``score`` rests on ``trials`` trials. Lines through the
        centred scores have `POOLED` as their task; they need two tasks or more.
    """
    by = [key for key in _CELL if key != CELL_KEYS.get(setting)]
    drawn = pd.concat([points[points["task"].isin(tasks)], pooled(points)])
    lines = trends(drawn, by, log=setting in LOG_SETTINGS)
    # Scores and centred scores have different scales, but no line mixes them.
    long = lines.melt([*by, "value", "trials"], list(LINES), "mark", "score")
    return pd.concat([points.assign(mark="trial"), long], ignore_index=True)


def pooled(points: pd.DataFrame) -> pd.DataFrame:
    """Returns the points of several tasks as points of one, each at its centred score."""
    points = points.dropna(subset="centred")
    if points["task"].nunique() < 2:
        points = points.iloc[:0]
    return points.assign(task=POOLED, score=points["centred"])
