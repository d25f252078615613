"""The text of cells and notes, the same in every table."""

import pandas as pd

from analysis.rendering import GENERATED
from analysis.run_data.runs import Run

NONE = "–"  # printed if there is no number
CONSTANT = "†"  # printed after the score of a constant model
ABSENT = "not in the data"  # printed for a split of the paper that the study's data lack


def mean_sd(mean: float, sd: float, constant: float = 0) -> str:
    """Returns a score with its standard deviation, both in percent; with one seed it is `NONE`.

    Args:
        mean: The score; a missing one is `NONE`.
        sd: Its standard deviation.
        constant: How many of its models are constant, for the mark `CONSTANT`.
    """
    return NONE if pd.isna(mean) else f"{mean:.1f} ± {number(sd)}{constant_mark(constant)}"


def constant_mark(constant: float) -> str:
    """Returns the mark behind a score of which this many models are constant, or nothing."""
    return f" {CONSTANT}" if constant > 0 else ""


def number(value: float) -> str:
    """Returns a score with one decimal."""
    return NONE if pd.isna(value) else f"{value:.1f}"


def generated_note(run: Run) -> list[str]:
    """Returns the warning below each table of generated data."""
    return [GENERATED] if run.generated else []


def scores_of(cell: pd.DataFrame) -> str:
    """Returns one cell: mean ± sd per metric and n, or the progress of an unfinished cell.

    Without rows the cell is `ABSENT`: the data lack the split.
    """
    if cell.empty:
        return ABSENT
    status, counts = cell["status"].iloc[0], list(dict.fromkeys(cell["n"]))
    if not any(counts):
        return NONE if status == "complete" else str(status)
    text = " / ".join(map(mean_sd, cell["mean"], cell["sd"]))
    # A metric may be missing on some seeds.
    n = " / ".join(map(str, cell["n"] if len(counts) > 1 else counts))
    return (
        f"{text} ({n if status == 'complete' else status}){constant_mark(cell['constant'].max())}"
    )


def constant_note(constant: pd.Series) -> list[str]:
    """Returns the footnote for `CONSTANT`, if any score has that mark.

    Args:
        constant: For each score, how many of its models predict a single class.
    """
    if not constant.fillna(0).any():
        return []
    return [
        f"{CONSTANT} Constant on at least one seed: the model predicts a single class. Such a "
        "score is that of always predicting this class and says nothing about the method."
    ]
