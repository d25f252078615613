"""Chooses a part of the rows, a dev split or a subset, in which each label keeps a row."""

import zlib

import numpy as np
from sklearn.model_selection import train_test_split

from pkd.errors import InputError, shown
from pkd.tasks.task import Task

# Not the study's seed: all studies of a task, and all seeds in them, score the same rows.
_SEED = 0


def rows_for_dev(task: Task, labels: np.ndarray, where: str) -> np.ndarray:
    """Chooses the training rows that form the dev split.

    Args:
        task: a task whose dev split is cut from train, see `pkd.tasks.task.Task.cuts_dev`.
        labels: (rows,) codes of all rows of the training file.
        where: the file, for messages.

    Returns:
        (rows,) bool: about `dev_fraction` of the rows of each label, and at least one row of each
        label on both sides. The choice depends only on the labels and the fraction, so it is the
        same in every process.

    Raises:
        InputError: if a label has a single row, or there are too few rows for all labels.
    """
    advice = f"name a dev split in task {task.name} (`dev`, and its file in `files`)"
    codes, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2:
        rare = task.labels[codes[counts.argmin()]]
        raise InputError(
            f"{where}: the label {shown(rare)} has one row, but a dev split cut from train needs "
            f"two of each label: add rows, leave out the label, or {advice}"
        )
    try:
        train, dev = train_test_split(
            np.arange(len(labels)),
            test_size=task.dev_fraction,
            stratify=labels,
            random_state=_SEED,
        )
    except ValueError:  # a part would have fewer rows than there are labels
        raise InputError(
            f"{where}: `dev_fraction` of task {task.name} is {task.dev_fraction:g}, but "
            f"{len(labels)} rows with {len(codes)} labels cannot be cut like that, as each part "
            f"needs at least {len(codes)} rows: choose another fraction, add rows, or {advice}"
        ) from None
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[dev] = True
    # A tenth of four rows may be none, and nine tenths all.
    for code in codes:
        for there, shuffled in ((True, train), (False, dev)):
            if not (chosen[labels == code] == there).any():
                chosen[shuffled[labels[shuffled] == code][0]] = there
    return chosen


def random_subset(labels: np.ndarray, most: int, name: str) -> np.ndarray:
    """Chooses rows.

    Args:
        labels: (rows,) codes; equal ones if the rows have no labels.
        most: the number of rows to choose, at least the number of labels.
        name: seeds the choice, so that all studies of a split use the same rows.

    Returns:
        (most,) positions in increasing order. Each label in ``labels`` has a row among them: where
        chance left one out, its row replaces one of the most frequent label.
    """
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    order = rng.permutation(len(labels))
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[order[:most]] = True
    codes, code_of = np.unique(labels, return_inverse=True)
    counts = np.bincount(code_of[chosen], minlength=len(codes))
    for code in np.flatnonzero(counts == 0):
        frequent = counts.argmax()
        last = order[chosen[order] & (code_of[order] == frequent)][-1]
        chosen[last], chosen[order[code_of[order] == code][0]] = False, True
        counts[code], counts[frequent] = 1, counts[frequent] - 1
    return np.flatnonzero(chosen)
