"""Rows of a split: read from local files or from the hub, and checked before any training."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pkd.data.hub_dataset import read_hub
from pkd.data.label_codes import label_codes
from pkd.data.row_choice import random_subset, rows_for_dev
from pkd.errors import InputError, at_row, near_file, shown
from pkd.files.columns import Columns, read_columns
from pkd.files.missing_text import is_missing_text
from pkd.tasks.task import Task

UNLABELLED = -100  # the label of a row without one; torch's cross_entropy ignores it


@dataclass(frozen=True)
class Rows:
    """The rows of one split.

    Attributes:
        texts: one list of strings for each text column; a missing text is empty.
        labels: (rows,) int64 label codes, or None for a split without labels.
        idx: (rows,) int64, the row ids of the file, or the row numbers if it has none.
        coded: whether the file has codes in place of some label names.
    """

    texts: tuple[list[str], ...]
    labels: np.ndarray | None
    idx: np.ndarray
    coded: bool = False

    def __len__(self) -> int:
        return len(self.idx)

    def take(self, rows: np.ndarray) -> "Rows":
        """Returns the rows at some positions."""
        return Rows(
            tuple([column[i] for i in rows] for column in self.texts),
            None if self.labels is None else self.labels[rows],
            self.idx[rows],
            self.coded,
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
        max_rows: size (>= 2) of a random subset, which is the same on every machine and holds a
            row of each label of the split; None takes all rows.

    Raises:
        InputError: for a missing file or column, an empty split, a split with one class, a value
            that is not text, mostly missing texts, an unknown label or a wrong row id; names the
            file and the row.
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
    _check_most_have_text(texts, task, where)
    labels, coded = None, False
    if labelled:
        labels, coded = label_codes(columns[task.label], task, split, where)
    idx = _row_ids(columns.get("idx", range(len(texts[0]))), where)
    rows = Rows(texts, labels, idx, coded)
    if cut:
        assert labels is not None
        in_dev = rows_for_dev(task, labels, where)
        rows = rows.take(np.flatnonzero(in_dev == (split == task.dev[0])))
        where = f"{where}, the part for {split}"
    if rows.labels is not None and len(np.unique(rows.labels)) < 2:
        only = task.labels[int(rows.labels[0])]
        raise InputError(f"{where}: all rows have the label {shown(only)}; a classifier needs two")
    if max_rows is not None and max_rows < len(rows):
        rows = _subset(rows, task, split, max_rows)
    return rows


def _subset(rows: Rows, task: Task, split: str, most: int) -> Rows:
    labels = np.zeros(len(rows), dtype=np.int64) if rows.labels is None else rows.labels
    codes = np.unique(labels)
    if most < len(codes):
        raise InputError(
            f"max_rows of split {split!r} of task {task.name} is {most} (`max_train_rows` or "
            f"`max_dev_rows`), but must be {len(codes)} or more: a row of each label of the split"
        )
    # Seeded by the names, not by the study's seed: all seeds use the same rows.
    return rows.take(random_subset(labels, most, f"{task.name}/{split}"))


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
                f"{path} does not exist: the data folder (--data, `data.dir`) needs "
                f"<task>/<split>.parquet for task {task.name}" + near_file(path)
            )
    try:
        return str(path), read_columns(path, needed, ["idx"], quoting=task.quoting)
    except InputError as error:
        raise InputError(f"task {task.name}: {error}{near_file(path)}") from None


def _checked_texts(values: list[Any], column: str, where: str) -> list[str]:
    texts: list[str] = []
    for number, value in enumerate(values):
        if is_missing_text(value):
            texts.append("")
            continue
        if not isinstance(value, str):
            raise InputError(
                f"{at_row(where, number)}: column {shown(column)} holds {shown(value)}, but must "
                "be text"
            )
        try:
            value.encode()
        except UnicodeEncodeError:  # JSON can escape half a character
            raise InputError(
                f"{at_row(where, number)}: column {shown(column)} holds half of a surrogate pair, "
                f"which is not text: {shown(value)}"
            ) from None
        texts.append(value)
    return texts


def _check_most_have_text(texts: Sequence[list[str]], task: Task, where: str) -> None:
    total = len(texts[0])
    empty = [row for row, each in enumerate(zip(*texts, strict=True)) if not any(each)]
    if 2 * len(empty) > total:
        raise InputError(
            f"{where}: {len(empty):,} of {total:,} rows have no text in "
            f"{' and '.join(task.texts)}, the first is row {empty[0]} (first row is 0): are "
            f"these the right columns (`texts` of task {task.name})?"
        )


def _row_ids(values: Sequence[Any], where: str) -> np.ndarray:
    rows: dict[int, int] = {}
    for number, value in enumerate(values):
        text = "" if isinstance(value, bool) else str(value)
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise InputError(
                f"{at_row(where, number)}: column 'idx' holds {shown(value)}, but must hold the "
                "number of the row; rename the column if it is something else"
            )
        first = rows.setdefault(int(text), number)
        if first != number:
            raise InputError(
                f"{at_row(where, number)}: column 'idx' holds {text}, as row {first} does; "
                "predictions are matched by it, so it must be different in each row"
            )
    return np.fromiter(rows, dtype=np.int64, count=len(values))
