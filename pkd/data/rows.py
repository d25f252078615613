"""Rows of a split, read from local files or the hub and checked before anything is trained."""

import os
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pkd.data.dev_split import rows_for_dev
from pkd.data.hub_dataset import read_hub
from pkd.errors import InputError, listed, shown
from pkd.files.columns import Columns, read_columns
from pkd.tasks.task import Task

UNLABELLED = -100  # stands for the label of a row without one, as in torch's cross_entropy
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")  # written in the one usual way


@dataclass(frozen=True)
class Rows:
    """The rows of one split.

    Attributes:
        texts: one list of strings for each text column.
        labels: (rows,) int64 label codes, or None for a split without labels.
        idx: (rows,) int64, GLUE's row id, or the row number in the file.
    """

    texts: tuple[list[str], ...]
    labels: np.ndarray | None
    idx: np.ndarray

    def __len__(self) -> int:
        return len(self.idx)

    def take(self, rows: np.ndarray) -> "Rows":
        """Picks rows by position."""
        return Rows(
            tuple([column[i] for i in rows] for column in self.texts),
            None if self.labels is None else self.labels[rows],
            self.idx[rows],
        )


def load_rows(
    task: Task, split: str, data_dir: Path | None = None, max_rows: int | None = None
) -> Rows:
    """Reads and checks one split.

    Args:
        task: the task.
        split: one of its splits. All but test and unlabelled splits need labels; those of these
            two are not read, whatever they hold. Where the task cuts its dev split from the
            training file, either gives its own part.
        data_dir: folder with ``<task>/<split>.parquet`` for GLUE tasks; None loads the hub's
            nyu-mll/glue. User tasks name their own files or data set.
        max_rows: takes a random subset of this size (>= 2), the same for every run and machine.

    Raises:
        InputError: for a missing file or column, an empty split, a split with one class, a text
            that is missing, a label outside the task's or a row id that is none; names the file
            and the row.
        HubUnreachable: if the hub is needed and does not answer.
    """
    if max_rows is not None and max_rows < 2:
        raise InputError(f"split {split!r} is capped to {max_rows} rows, but must keep 2 or more")
    labelled = split not in (*task.test, *task.unlabelled)
    needed = (*task.texts, task.label) if labelled else task.texts
    cut = task.cuts_dev and split in (task.train, task.dev[0])
    where, columns = _read(task, task.train if cut else split, data_dir, needed)
    if not columns[task.texts[0]]:
        raise InputError(f"{where} is empty: split {split!r} of task {task.name} needs rows")
    texts = tuple(_texts(columns[name], name, where) for name in task.texts)
    labels = _labels(columns[task.label], task, where) if labelled else None
    idx = _row_ids(columns.get("idx", range(len(texts[0]))), where)
    rows = Rows(texts, labels, idx)
    if cut:
        assert labels is not None
        in_dev = rows_for_dev(task, labels, where)
        rows = rows.take(np.flatnonzero(in_dev == (split == task.dev[0])))
        where = f"{where}, the part for {split}"
    if max_rows is not None and max_rows < len(rows):
        # Seeded by the split's name, not by the study's seed: confirm seeds see the same rows.
        rng = np.random.default_rng(zlib.crc32(f"{task.name}/{split}".encode()))
        rows = rows.take(np.sort(rng.permutation(len(rows))[:max_rows]))
    if rows.labels is not None and len(np.unique(rows.labels)) < 2:
        only = task.labels[int(rows.labels[0])]
        raise InputError(f"{where}: all rows have the label {only!r}; a classifier needs two")
    return rows


def with_unlabelled(labelled: Rows, others: Sequence[Rows]) -> Rows:
    """Puts rows without labels, as `UNLABELLED`, behind those with labels.

    The row ids are the positions: those of two files may be the same.
    """
    assert labelled.labels is not None
    splits = (labelled, *others)
    texts = zip(*(split.texts for split in splits), strict=True)
    total = sum(map(len, splits))
    labels = np.full(total, UNLABELLED, dtype=np.int64)
    labels[: len(labelled)] = labelled.labels
    joined = tuple([text for column in columns for text in column] for columns in texts)
    return Rows(joined, labels, np.arange(total))


def split_exists(task: Task, split: str, data_dir: Path | None) -> bool:
    """Whether a split can be read: of a local copy of GLUE, test and extra dev may be absent."""
    if task.own or data_dir is None:
        return True
    return os.path.exists(data_dir / task.name / f"{split}.parquet")


def _read(
    task: Task, split: str, data_dir: Path | None, needed: Sequence[str]
) -> tuple[str, Columns]:
    path = task.files.get(split)
    if path is None:
        if task.hub or data_dir is None:
            return read_hub(task, split, needed)
        path = data_dir / task.name / f"{split}.parquet"
        if not os.path.exists(path):  # `Path.exists` raises for what can be no path
            raise InputError(
                f"{path} does not exist: --data needs <task>/<split>.parquet for task {task.name}"
            )
    try:
        return str(path), read_columns(path, needed, ["idx"])
    except InputError as error:
        raise InputError(f"task {task.name}: {error}") from None


def _texts(values: list[Any], column: str, where: str) -> list[str]:
    for number, value in enumerate(values):
        if not isinstance(value, str):
            raise InputError(
                f"{_row(where, number)}: column {column!r} holds {shown(value)}, but must be text"
            )
        try:
            value.encode()
        except UnicodeEncodeError:  # JSON can escape half a character
            raise InputError(
                f"{_row(where, number)}: column {column!r} holds half of a surrogate pair, which "
                f"is no text: {shown(value)}"
            ) from None
    return values


def _labels(values: list[Any], task: Task, where: str) -> np.ndarray:
    codes: dict[Any, int] = {name: code for code, name in enumerate(task.labels)}
    numbers = {int(name): name for name in task.labels if _INTEGER.fullmatch(name)}
    if numbers:
        # Labels 1, 2, 3 are these numbers in a file, and not its codes 1, 2, 3.
        allowed = ""
        codes |= {number: codes[name] for number, name in numbers.items()}
    else:
        allowed = f" (or their codes 0..{len(task.labels) - 1})"
        codes |= {code: code for code in range(len(task.labels))}
        codes |= {str(code): code for code in range(len(task.labels))}
    labels = np.empty(len(values), dtype=np.int64)
    for number, value in enumerate(values):
        plain = isinstance(value, (str, int, float)) and not isinstance(value, bool)
        if not plain or value not in codes:
            raise InputError(
                f"{_row(where, number)}: label {shown(value)} is not one of the labels of task "
                f"{task.name}: {listed(task.labels)}{allowed}"
            )
        labels[number] = codes[value]
    return labels


def _row_ids(values: Sequence[Any], where: str) -> np.ndarray:
    rows: dict[int, int] = {}
    for number, value in enumerate(values):
        text = "" if isinstance(value, bool) else str(value)
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise InputError(
                f"{_row(where, number)}: column 'idx' holds {shown(value)}, but must hold the "
                "row's number; rename the column if it is something else"
            )
        first = rows.setdefault(int(text), number)
        if first != number:
            raise InputError(
                f"{_row(where, number)}: column 'idx' holds {text}, as row {first} does; "
                "predictions are told apart by it"
            )
    return np.fromiter(rows, dtype=np.int64, count=len(values))


def _row(where: str, number: int) -> str:
    return f"{where}, row {number} (first row is 0)"
