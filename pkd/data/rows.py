"""Rows of a split: read from local files or from the hub, and checked before any training."""

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

UNLABELLED = -100  # the label of a row without one; torch's cross_entropy ignores it
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")  # in its usual form, e.g. not 007


@dataclass(frozen=True)
class Rows:
    """The rows of one split.

    Attributes:
        texts: one list of strings for each text column.
        labels: (rows,) int64 label codes, or None for a split without labels.
        idx: (rows,) int64, the row ids of the file, or the row numbers if it has none.
    """

    texts: tuple[list[str], ...]
    labels: np.ndarray | None
    idx: np.ndarray

    def __len__(self) -> int:
        return len(self.idx)

    def take(self, rows: np.ndarray) -> "Rows":
        """Returns the rows at some positions."""
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
        split: one of its splits. Labels of test and unlabelled splits are not read; all other
            splits need labels. If the dev split is cut from the training file, ``train`` and the
            dev split each give their part of it.
        data_dir: folder with ``<task>/<split>.parquet`` for GLUE tasks; None loads the hub's
            nyu-mll/glue. Tasks of users name their files or their data set.
        max_rows: size (>= 2) of a random subset, which is the same on every machine; None takes
            all rows.

    Raises:
        InputError: for a missing file or column, an empty split, a split with one class, a
            missing text, an unknown label or a wrong row id; names the file and the row.
        HubUnreachable: if the hub is needed and does not answer.
    """
    if max_rows is not None and max_rows < 2:
        raise InputError(f"max_rows of split {split!r} is {max_rows}, but must be 2 or more")
    labelled = split not in (*task.test, *task.unlabelled)
    needed = (*task.texts, task.label) if labelled else task.texts
    cut = task.cuts_dev and split in (task.train, task.dev[0])
    where, columns = _read_split(task, task.train if cut else split, data_dir, needed)
    if not columns[task.texts[0]]:
        raise InputError(f"{where} is empty: split {split!r} of task {task.name} needs rows")
    texts = tuple(_checked_texts(columns[name], name, where) for name in task.texts)
    labels = _label_codes(columns[task.label], task, where) if labelled else None
    idx = _row_ids(columns.get("idx", range(len(texts[0]))), where)
    rows = Rows(texts, labels, idx)
    if cut:
        assert labels is not None
        in_dev = rows_for_dev(task, labels, where)
        rows = rows.take(np.flatnonzero(in_dev == (split == task.dev[0])))
        where = f"{where}, the part for {split}"
    if max_rows is not None and max_rows < len(rows):
        # Seeded by the names, not by the study's seed: all seeds use the same rows.
        rng = np.random.default_rng(zlib.crc32(f"{task.name}/{split}".encode()))
        rows = rows.take(np.sort(rng.permutation(len(rows))[:max_rows]))
    if rows.labels is not None and len(np.unique(rows.labels)) < 2:
        only = task.labels[int(rows.labels[0])]
        raise InputError(f"{where}: all rows have the label {only!r}; a classifier needs two")
    return rows


def with_unlabelled(labelled: Rows, others: Sequence[Rows]) -> Rows:
    """Appends rows without labels to rows with labels.

    Args:
        labelled: rows of a split with labels.
        others: rows whose labels become `UNLABELLED`.

    Returns:
        All rows. Their ids are their positions, because two files may use the same ids.

    Raises:
        InputError: if ``labelled`` has no labels.
    """
    if labelled.labels is None:
        raise InputError(
            f"`labelled` is {len(labelled)} rows without labels, but must be rows with labels: "
            "load a split that is not in `test` or `unlabelled` of the task"
        )
    splits = (labelled, *others)
    texts = zip(*(split.texts for split in splits), strict=True)
    total = sum(map(len, splits))
    labels = np.full(total, UNLABELLED, dtype=np.int64)
    labels[: len(labelled)] = labelled.labels
    joined = tuple([text for column in columns for text in column] for columns in texts)
    return Rows(joined, labels, np.arange(total))


def split_exists(task: Task, split: str, data_dir: Path | None) -> bool:
    """Returns whether a split can be read; only a local copy of GLUE may lack splits."""
    if task.own or data_dir is None:
        return True
    return os.path.exists(data_dir / task.name / f"{split}.parquet")


def _read_split(
    task: Task, split: str, data_dir: Path | None, needed: Sequence[str]
) -> tuple[str, Columns]:
    path = task.files.get(split)
    if path is None:
        if task.hub or data_dir is None:
            return read_hub(task, split, needed)
        path = data_dir / task.name / f"{split}.parquet"
        if not os.path.exists(path):  # `Path.exists` raises for impossible paths
            raise InputError(
                f"{path} does not exist: --data needs <task>/<split>.parquet for task {task.name}"
            )
    try:
        return str(path), read_columns(path, needed, ["idx"])
    except InputError as error:
        raise InputError(f"task {task.name}: {error}") from None


def _checked_texts(values: list[Any], column: str, where: str) -> list[str]:
    for number, value in enumerate(values):
        if not isinstance(value, str):
            raise InputError(
                f"{_place(where, number)}: column {column!r} holds {shown(value)}, but must be "
                "text"
            )
        try:
            value.encode()
        except UnicodeEncodeError:  # JSON can escape half a character
            raise InputError(
                f"{_place(where, number)}: column {column!r} holds half of a surrogate pair, "
                f"which is not text: {shown(value)}"
            ) from None
    return values


def _label_codes(values: list[Any], task: Task, where: str) -> np.ndarray:
    codes: dict[Any, int] = {name: code for code, name in enumerate(task.labels)}
    numbers = {int(name): name for name in task.labels if _INTEGER.fullmatch(name)}
    if numbers:
        # Labels 1, 2, 3 in a file are these names, and not the codes 1, 2, 3.
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
                f"{_place(where, number)}: label {shown(value)} is not one of the labels of task "
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
                f"{_place(where, number)}: column 'idx' holds {shown(value)}, but must hold the "
                "number of the row; rename the column if it is something else"
            )
        first = rows.setdefault(int(text), number)
        if first != number:
            raise InputError(
                f"{_place(where, number)}: column 'idx' holds {text}, as row {first} does; "
                "predictions are matched by it, so it must be different in each row"
            )
    return np.fromiter(rows, dtype=np.int64, count=len(values))


def _place(where: str, number: int) -> str:
    return f"{where}, row {number} (first row is 0)"
