"""The text of single cells, the same in every table."""

import pandas as pd

from analysis.rendering import GENERATED
from analysis.run_data.runs import Run

NONE = "–"  # printed where there is no number
CONSTANT = "†"  # printed behind a score that takes no learning


def mean_sd(mean: float, sd: float) -> str:
    """A score with its spread, both in percent; the spread of one seed is `NONE`."""
    return NONE if pd.isna(mean) else f"{mean:.1f} ± {number(sd)}"


def number(value: float) -> str:
    """A score with one decimal."""
    return NONE if pd.isna(value) else f"{value:.1f}"


def generated_note(run: Run) -> list[str]:
    """The warning below each table of generated data."""
    return [GENERATED] if run.generated else []


def scores_of(cell: pd.DataFrame) -> str:
    """One cell: a mean ± sd per metric and n, or how far the cell has come."""
    status, n = cell["status"].iloc[0], int(cell["n"].max())
    if not n:
        return NONE if status == "complete" else str(status)
    text = " / ".join(map(mean_sd, cell["mean"], cell["sd"]))
    mark = f" {CONSTANT}" if cell["constant"].any() else ""
    return f"{text} ({n if status == 'complete' else status}){mark}"


def constant_note(constant: pd.Series) -> list[str]:
    """The footnote to `CONSTANT`, if any score bears that mark.

    Args:
        constant: of each score, how many of its models predict one class only.
    """
    if not constant.fillna(0).any():
        return []
    return [
        f"{CONSTANT} Predicts one class only (of several seeds, at least one does): the score is "
        "that of always naming this class, and says nothing of the method."
    ]
