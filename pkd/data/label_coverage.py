"""Which labels each split has rows of: a metric that can only be 0 is refused, gaps are noted."""

import numpy as np

from pkd.data.rows import Rows
from pkd.errors import InputError, listed, named, shown
from pkd.tasks.task import Task, label_of


def label_notes(task: Task, rows: dict[str, Rows]) -> list[str]:
    """Says which labels lack rows, differ only in case, or are written as codes.

    Args:
        task: the task.
        rows: of each split, with the rows that are used.

    Raises:
        InputError: if the task is scored by the F1 of a label that train or the first dev split
            has no rows of.
    """
    counts = {
        split: np.bincount(each.labels, minlength=len(task.labels))
        for split, each in rows.items()
        if each.labels is not None
    }
    for split in (task.train, task.dev[0]):
        _check_f1(task, split, counts[split])
    notes = _gaps_of_train(task, counts)
    learnt = counts[task.train] > 0
    for split in (*task.dev, *task.held_out):
        if missing := _names(task, (counts[split] == 0) & learnt):
            note = f"{split} has no rows of {listed(missing)}"
            metrics = [metric for metric in task.metrics if label_of(metric) in missing]
            notes.append(note + (f": its {listed(metrics)} is always 0" if metrics else ""))
    folded = [label.casefold() for label in task.labels]
    if alike := [label for label in task.labels if folded.count(label.casefold()) > 1]:
        notes.append(f"the labels {listed(alike)} differ only in upper and lower case")
    return notes + _codes(task, rows)


def _check_f1(task: Task, split: str, counts: np.ndarray) -> None:
    for metric in task.metrics:
        label = label_of(metric)
        if label is not None and counts[task.labels.index(label)] == 0:
            raise InputError(
                f"{split} of task {task.name} has no rows of the label {shown(label)}, so "
                f"{named(metric)} of its `metrics` can only be 0: add rows of the label, or drop "
                "the metric"
            )


def _gaps_of_train(task: Task, counts: dict[str, np.ndarray]) -> list[str]:
    notes = []
    for name in _names(task, counts[task.train] == 0):
        scored = {
            split: int(each[task.labels.index(name)])
            for split, each in counts.items()
            if split != task.train
        }
        rows = [f"{count:,} of {split}" for split, count in scored.items() if count]
        notes.append(
            f"train has no rows of {named(name)}, so it cannot be learnt"
            + (f": its rows ({', '.join(rows)}) count as errors" if rows else "")
        )
    return notes


def _codes(task: Task, rows: dict[str, Rows]) -> list[str]:
    coded = [split for split, each in rows.items() if each.coded]
    if not coded or not task.own:
        return []
    codes = listed([f"{code} is {name}" for code, name in enumerate(task.labels)])
    return [f"codes in {listed(coded)} are read in the order of `labels`: {codes}"]


def _names(task: Task, which: np.ndarray) -> list[str]:
    return [name for name, chosen in zip(task.labels, which, strict=True) if chosen]
