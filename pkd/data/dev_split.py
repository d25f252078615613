"""A dev split for a task that has none: a part of its training rows, drawn label by label."""

import numpy as np
from sklearn.model_selection import train_test_split

from pkd.errors import InputError
from pkd.tasks.task import Task

# Not the study's seed: every study of a task, and every seed in it, is to score the same rows.
_SEED = 0


def rows_for_dev(task: Task, labels: np.ndarray, where: str) -> np.ndarray:
    """Chooses the training rows that are scored instead of trained on.

    Args:
        task: a task that cuts its dev split, see `pkd.tasks.task.Task.cuts_dev`.
        labels: (rows,) codes of all rows of the training file.
        where: the file, for messages.

    Returns:
        (rows,) bool: about `dev_fraction` of the rows of each label. It depends on the labels
        and the fraction alone, so that every process and every later run draws the same.

    Raises:
        InputError: if a label has a single row, or there are too few rows for all labels.
    """
    advice = "give a dev split of its own (`dev` and its file)"
    codes, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2:
        rare = task.labels[codes[counts.argmin()]]
        raise InputError(
            f"{where}: the label {rare!r} has one row, but a dev split cut from train needs two "
            f"of each label: add rows, leave the label out, or {advice}"
        )
    try:
        _, dev = train_test_split(
            np.arange(len(labels)),
            test_size=task.dev_fraction,
            stratify=labels,
            random_state=_SEED,
        )
    except ValueError:  # one of the parts would have fewer rows than there are labels
        raise InputError(
            f"{where}: `dev_fraction` of task {task.name} is {task.dev_fraction:g}, but "
            f"{len(labels)} rows with {len(codes)} labels cannot be cut so, because each part "
            f"needs at least {len(codes)} rows: choose another fraction, add rows, or {advice}"
        ) from None
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[dev] = True
    return chosen
