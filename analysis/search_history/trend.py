"""Trends of scores along one hyperparameter: best and median trial near each value."""

from typing import Any

import numpy as np
import pandas as pd

MIN_TRIALS = 5  # trials behind each place of a line
MIN_ALONG = 15  # trials behind a whole line along a range
WINDOW = 0.25  # distance at which trials count, as a share of the searched range
_PLACES = 41  # places of a line along a range
_MAX_CHOICES = 8  # a setting with more distinct values is a range


def is_choice(values: pd.Series) -> bool:
    """Returns whether values are choices from a short list rather than points of a range.

    Booleans, texts and whole numbers (a depth) are always choices.
    """
    distinct = values.unique()
    if any(isinstance(value, bool | np.bool_ | str | int | np.integer) for value in distinct):
        return True
    return len(distinct) <= _MAX_CHOICES and 2 * len(distinct) <= len(values)


def trends(points: pd.DataFrame, by: list[str], log: bool) -> pd.DataFrame:
    """Returns best and median score near each value, for each group with enough trials.

    Each choice has its own best and median. Along a range, the best is that of the trials within
    `WINDOW` of the range to either side, and the median weights these trials by distance
    (Epanechnikov kernel). Unlike the best, the median does not grow with the number of trials.

    Args:
        points: One row per trial with ``value``, ``score`` and the columns of `by`.
        by: The columns that identify a line, for example task, depth and method.
        log: Whether distances along a range are logarithmic; ignored if a value is not above 0.

    Returns:
        The columns of `by`, ``value``, ``trials`` (in the window), ``best`` and ``median``: a
        row per place, in order. Best and median are missing if ``trials`` < `MIN_TRIALS`, so that
        the line breaks there. A group is left out if it has no two neighbouring places with
        values, or fewer than `MIN_ALONG` trials along a range.
    """
    columns = [*by, "value", "trials", "best", "median"]
    if len(points) < MIN_TRIALS:
        return pd.DataFrame(columns=columns)
    if is_choice(points["value"]):
        groups = points.groupby([*by, "value"])["score"]
        table = groups.agg(trials="size", best="max", median="median").reset_index()
    else:
        table = _along_range(points, by, log and bool((points["value"] > 0).all()))
    few = table["trials"] < MIN_TRIALS
    table.loc[few, ["best", "median"]] = np.nan
    before = table.groupby(by)["best"].shift()
    table["joined"] = table["best"].notna() & before.notna()
    line = table.groupby(by)["joined"].transform("any").astype(bool)
    return table.loc[line, columns].reset_index(drop=True)


def _along_range(points: pd.DataFrame, by: list[str], log: bool) -> pd.DataFrame:
    values = points["value"].astype(float)
    points = points.assign(x=np.log(values) if log else values)
    ends = points["x"].min(), points["x"].max()
    width = WINDOW * (ends[1] - ends[0])
    rows: list[dict[str, Any]] = []
    for key, group in points.groupby(by, sort=False):
        if len(group) < MIN_ALONG:
            continue
        x, scores = group["x"].to_numpy(), group["score"].to_numpy()
        for place in np.linspace(*ends, _PLACES):
            row: dict[str, Any] = dict(zip(by, key, strict=True))
            row["value"] = float(np.exp(place) if log else place)
            rows.append(row | _near(scores, 1 - ((x - place) / width) ** 2))
    return pd.DataFrame(rows, columns=[*by, "value", "trials", "best", "median"])


def _near(scores: np.ndarray[Any, Any], weights: np.ndarray[Any, Any]) -> dict[str, float]:
    """Count, best and weighted median of the scores with a weight above 0."""
    near = weights > 0
    if not near.any():
        return {"trials": 0, "best": np.nan, "median": np.nan}
    scores, weights = scores[near], weights[near]
    # The only method of np.quantile that accepts weights.
    median = np.quantile(scores, 0.5, weights=weights, method="inverted_cdf")
    return {"trials": len(scores), "best": scores.max(), "median": float(median)}
