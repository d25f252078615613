"""Rows of a split, read from local files or the hub and checked before anything is trained."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pkd.errors import HubUnreachable, InputError
from pkd.tasks import Task

if TYPE_CHECKING:
    import pyarrow as pa

HUB_DATASET = "nyu-mll/glue"


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
        split: one of its splits. Train and dev splits need labels; those of a test split are
            not read, whatever they hold.
        data_dir: folder with ``<task>/<split>.parquet`` for GLUE tasks; None loads the hub's
            nyu-mll/glue. User tasks name their own files.
        max_rows: takes a random subset of this size, the same for every run and machine.

    Raises:
        InputError: for a missing file or column, an empty split, a split with one class, a text
            that is missing or a label outside the task's; names the file and the row.
        HubUnreachable: if the hub is needed and does not answer.
    """
    where, table = _read(task, split, data_dir)
    labelled = split not in task.test
    wanted = (*task.texts, task.label) if labelled else task.texts
    for column in wanted:
        if column not in table.column_names:
            raise InputError(
                f"{where} has no column {column!r} (task {task.name}); "
                f"it has {', '.join(table.column_names)}"
            )
    if not table.num_rows:
        raise InputError(f"{where} is empty: split {split!r} of task {task.name} needs rows")
    texts = tuple(_texts(table, column, where) for column in task.texts)
    labels = _labels(table, task, where) if labelled else None
    if "idx" in table.column_names:
        idx = table["idx"].to_numpy().astype(np.int64)
    else:
        idx = np.arange(table.num_rows, dtype=np.int64)
    rows = Rows(texts, labels, idx)
    if max_rows is not None and max_rows < len(rows):
        # Seeded by the split's name, not by the study's seed: confirm seeds see the same rows.
        rng = np.random.default_rng(zlib.crc32(f"{task.name}/{split}".encode()))
        rows = rows.take(np.sort(rng.permutation(len(rows))[:max_rows]))
    if rows.labels is not None and len(np.unique(rows.labels)) < 2:
        only = task.labels[int(rows.labels[0])]
        raise InputError(f"{where}: all rows have the label {only!r}; a classifier needs two")
    return rows


def split_exists(task: Task, split: str, data_dir: Path | None) -> bool:
    """Whether a split can be read: of a local copy of GLUE, test and extra dev may be absent."""
    if task.files or data_dir is None:
        return True
    return (data_dir / task.name / f"{split}.parquet").exists()


def _read(task: Task, split: str, data_dir: Path | None) -> tuple[str, "pa.Table"]:
    if task.files:
        return _read_file(task.files[split], task)
    if data_dir is None:
        return _read_hub(task, split)
    path = data_dir / task.name / f"{split}.parquet"
    if not path.exists():
        raise InputError(
            f"{path} does not exist: --data needs <task>/<split>.parquet for task {task.name}"
        )
    return _read_file(path, task)


def _read_file(path: Path, task: Task) -> tuple[str, "pa.Table"]:
    import pyarrow as pa
    from pyarrow import csv, json, parquet

    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            return str(path), parquet.read_table(path)
        if suffix in (".csv", ".tsv"):
            # Texts and labels stay text (a label "true" or "1" is a name before it is a code), and
            # an empty field is an empty string, not a missing one.
            convert = csv.ConvertOptions(
                column_types={column: pa.string() for column in (*task.texts, task.label)},
                strings_can_be_null=False,
            )
            parse = csv.ParseOptions(
                delimiter="\t" if suffix == ".tsv" else ",", newlines_in_values=True
            )
            return str(path), csv.read_csv(path, parse_options=parse, convert_options=convert)
        if suffix in (".jsonl", ".json"):
            return str(path), json.read_json(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"cannot read {path} (task {task.name}): {error}") from None
    raise InputError(
        f"{path} (task {task.name}): unknown file type {suffix!r}; use "
        ".parquet, .csv, .tsv or .jsonl"
    )


def _read_hub(task: Task, split: str) -> tuple[str, "pa.Table"]:
    import datasets

    where = f"{HUB_DATASET}/{task.name}/{split}"
    try:
        return where, datasets.load_dataset(HUB_DATASET, task.name, split=split).data.table
    except Exception as error:  # the hub's client raises a dozen types for "no answer"
        raise HubUnreachable(
            f"cannot load {where} from the Hugging Face hub ({type(error).__name__}). "
            f"Give a local copy with --data DIR (holding {task.name}/{split}.parquet in the hub's "
            "columns)"
        ) from error


def _texts(table: "pa.Table", column: str, where: str) -> list[str]:
    values = table[column].to_pylist()
    for number, value in enumerate(values):
        if not isinstance(value, str):
            raise InputError(
                f"{where}, row {number} (first row is 0): column {column!r} holds {value!r}, "
                "but must be text"
            )
    return values


def _labels(table: "pa.Table", task: Task, where: str) -> np.ndarray:
    codes: dict[Any, int] = {name: code for code, name in enumerate(task.labels)}
    codes |= {code: code for code in range(len(task.labels))}
    # A file may hold codes as text ("0") where no label is named so.
    codes = {str(code): code for code in range(len(task.labels))} | codes
    values = table[task.label].to_pylist()
    labels = np.empty(len(values), dtype=np.int64)
    for number, value in enumerate(values):
        if value not in codes or isinstance(value, bool):
            raise InputError(
                f"{where}, row {number} (first row is 0): label {value!r} is not one of the "
                f"labels of task {task.name}: {', '.join(task.labels)} "
                f"(or their codes 0..{len(task.labels) - 1})"
            )
        labels[number] = codes[value]
    return labels
