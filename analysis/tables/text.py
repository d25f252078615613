"""The text of cells and notes, the same in every table."""

import pandas as pd

from analysis.rendering import GENERATED
from analysis.run_data.runs import Run

NONE = "–"  # printed if there is no number
CONSTANT = "†"  # printed after the score of a model that predicts a single class


def mean_sd(mean: float, sd: float) -> str:
    """Returns a score with its standard deviation, both in percent; with one seed it is `NONE`."""
    return NONE if pd.isna(mean) else f"{mean:.1f} ± {number(sd)}"


def number(value: float) -> str:
    """Returns a score with one decimal."""
    return NONE if pd.isna(value) else f"{value:.1f}"


def generated_note(run: Run) -> list[str]:
    """Returns the warning below each table of generated data."""
    return [GENERATED] if run.generated else []


def scores_of(cell: pd.DataFrame) -> str:
    """Returns one cell: mean ± sd per metric and n, or the progress of an unfinished cell."""
    status, n = cell["status"].iloc[0], int(cell["n"].max())
    if not n:
        return NONE if status == "complete" else str(status)
    text = " / ".join(map(mean_sd, cell["mean"], cell["sd"]))
    mark = f" {CONSTANT}" if cell["constant"].any() else ""
    return f"{text} ({n if status == 'complete' else status}){mark}"


def constant_note(constant: pd.Series) -> list[str]:
    """Returns the footnote for `CONSTANT`, if any score has that mark.

    Args:
        constant: For each score, how many of its models predict a single class.
    """
    if not constant.fillna(0).any():
        return []
    return [
        f"{CONSTANT} On at least one seed, the model predicts a single class. Such a score is "
        "that of always predicting this class and says nothing about the method."
    ]
