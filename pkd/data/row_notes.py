"""Finds empty texts, rows that occur twice, and training rows that are scored as well."""

from collections.abc import Sequence

from pkd.data.rows import UNLABELLED, Rows
from pkd.tasks.task import Task

_Key = tuple[str, ...]
_SEVERAL = -1  # the label of texts that have several


def row_notes(task: Task, rows: dict[str, Rows]) -> list[str]:
    """Says which splits have empty texts or doubled rows, and which share rows with train.

    Args:
        task: the task.
        rows: of each split, with the rows that are used.
    """
    keys = {split: list(zip(*each.texts, strict=True)) for split, each in rows.items()}
    notes = [note for split, each in rows.items() for note in _empty(split, each)]
    labels = {split: _labels_of(keys[split], each) for split, each in rows.items()}
    notes += [note for split in rows for note in _doubled(split, keys[split], labels[split])]
    for split in (*task.dev, *task.held_out, *task.test):
        for source in (task.train, *task.unlabelled):
            notes += _shared(split, keys[split], rows[split], source, labels[source])
    return notes


def _empty(split: str, rows: Rows) -> list[str]:
    empty = [at for at, texts in enumerate(zip(*rows.texts, strict=True)) if not all(texts)]
    if not empty:
        return []
    return [
        f"rows of {split} with an empty text: {len(empty):,} of {len(rows):,}, the first is row "
        f"{rows.idx[empty[0]]}"
    ]


def _labels_of(keys: Sequence[_Key], rows: Rows) -> dict[_Key, int]:
    """Returns the label of all texts, `UNLABELLED` or `_SEVERAL`; empty rows are left out."""
    if rows.labels is None:
        return dict.fromkeys(filter(any, keys), UNLABELLED)
    found: dict[_Key, int] = {}
    for key, code in zip(keys, rows.labels.tolist(), strict=True):
        if found.setdefault(key, code) != code:
            found[key] = _SEVERAL
    found.pop(("",) * len(rows.texts), None)
    return found


def _doubled(split: str, keys: Sequence[_Key], labels: dict[_Key, int]) -> list[str]:
    doubled = sum(map(any, keys)) - len(labels)
    if not doubled:
        return []
    contradicting = sum(code == _SEVERAL for code in labels.values())
    return [
        f"rows of {split} that repeat the texts of an earlier row: {doubled:,} of {len(keys):,}"
        + (f" (texts with several labels: {contradicting:,})" if contradicting else "")
    ]


def _shared(
    split: str, keys: Sequence[_Key], rows: Rows, source: str, learnt: dict[_Key, int]
) -> list[str]:
    shared = [row for row, key in enumerate(keys) if key in learnt]
    if not shared:
        return []
    contradicting = 0
    if rows.labels is not None:
        codes = rows.labels.tolist()
        contradicting = sum(learnt[keys[row]] not in (codes[row], UNLABELLED) for row in shared)
    return [
        f"rows of {split} that are also in {source}: {len(shared):,} of {len(keys):,}"
        + (f" (with another label: {contradicting:,})" if contradicting else "")
    ]
