"""Rows of a file of any size, read a chunk at a time; a bad row does not end the reading."""

import functools
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pkd.errors import InputError
from pkd.files.columns import chosen_columns, columns_of_header
from pkd.files.quotes import check_quotes
from pkd.files.row_parsers import (
    JSONL_ADVICE,
    OnBadRow,
    Quoting,
    check_suffix,
    parse_csv,
    parse_jsonl,
)
from pkd.files.text_file import check_regular, open_file, open_lines

CHUNK = 4096  # rows that are in memory at a time
_LONGEST_FIELD = 1 << 24  # characters: a quote that is never closed must not swallow the file

Row = dict[str, Any]


@dataclass(frozen=True)
class Chunk:
    """Some rows, and how much of the file has been read with them.

    Attributes:
        rows: the value of each column.
        places: where each row is, as messages show it: its line or its number.
        done: bytes (Parquet: rows) of the file so far.
        batch: the rows as Arrow holds them, if they come from Parquet.
    """

    rows: list[Row]
    places: list[str]
    done: int
    batch: Any = None


@dataclass(frozen=True)
class Source:
    """An opened file.

    Attributes:
        columns: their names; of JSONL those of the first row.
        total: bytes (Parquet: rows) of the file.
        chunks: the rows; they can be read once. Bad rows go to ``on_bad_row`` instead.
    """

    columns: list[str]
    total: int
    chunks: Iterator[Chunk]


@contextmanager
def open_rows(
    path: Path, needed: Sequence[str], on_bad_row: OnBadRow, quoting: Quoting = "double"
) -> Iterator[Source]:
    """Opens a file for reading; CSV and TSV with quotes are read twice, the first time to check.

    Args:
        path: its suffix, one of `pkd.files.row_parsers.SUFFIXES`, gives its type. Texts are UTF-8.
        needed: columns that the file must have; of JSONL the first row.
        on_bad_row: called with the place and the problem of each row that cannot be read.
        quoting: of CSV and TSV, see `pkd.files.columns.read_columns`.

    Raises:
        InputError: if the file or its columns cannot be read, or if quotes may join rows.
    """
    check_suffix(str(path), path)
    check_regular(path)
    openers = {".parquet": _open_parquet, ".jsonl": _open_jsonl}
    opened = openers.get(path.suffix.lower(), functools.partial(_open_csv, quoting=quoting))
    try:
        with opened(path, needed, on_bad_row) as source:
            yield source
    except OSError as error:
        if error.filename is None or Path(error.filename) != path:
            raise  # the caller's code raised it
        raise InputError(f"cannot read {path}: {error.strerror}") from None


@contextmanager
def _open_jsonl(path: Path, needed: Sequence[str], on_bad_row: OnBadRow) -> Iterator[Source]:
    with open_file(path) as file, open_lines(path, file, "\n") as lines:
        rows = _only_utf8(parse_jsonl(lines, on_bad_row), on_bad_row)
        first = list(itertools.islice(rows, 1))
        columns = [name for _, row in first for name in row]
        if needed and not first:
            raise InputError(f"{path} has no row. {JSONL_ADVICE}")
        chosen_columns(columns, needed, (), f"the first row of {path}")
        rows = itertools.chain(first, rows)
        yield Source(columns, path.stat().st_size, _chunks(rows, file.tell))


@contextmanager
def _open_csv(
    path: Path, needed: Sequence[str], on_bad_row: OnBadRow, quoting: Quoting
) -> Iterator[Source]:
    with open_file(path) as file, open_lines(path, file) as lines:
        if quoting == "double":
            check_quotes(path, lines, _LONGEST_FIELD)
            lines.seek(0)
        header, parsed = parse_csv(path, lines, _LONGEST_FIELD, on_bad_row, quoting)
        if not _is_utf8("".join(header)) or "\0" in "".join(header):
            raise InputError(f"{path}: the header is not UTF-8; save the file as UTF-8")
        columns_of_header(path, header, needed)
        chosen_columns(header, None, (), str(path))  # refuses columns of the same name
        texts = _without_nul(parsed, on_bad_row)
        rows = ((line, dict(zip(header, row, strict=True))) for line, row in texts)
        size = path.stat().st_size
        yield Source(header, size, _chunks(_only_utf8(rows, on_bad_row), file.tell))


def _without_nul(
    rows: Iterator[tuple[int, list[str]]], on_bad_row: OnBadRow
) -> Iterator[tuple[int, list[str]]]:
    for line, row in rows:
        if any("\0" in field for field in row):
            on_bad_row(f"line {line}", "it holds a NUL, which is not text")
        else:
            yield line, row


def _only_utf8(rows: Iterator[tuple[int, Row]], on_bad_row: OnBadRow) -> Iterator[tuple[int, Row]]:
    """Leaves out rows with bytes that are not UTF-8, or with JSON's escape of half a character."""
    as_json = json.JSONEncoder(ensure_ascii=False).encode
    for line, row in rows:
        if _is_utf8(as_json(row)):
            yield line, row
        else:
            on_bad_row(f"line {line}", "it is not UTF-8")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _chunks(rows: Iterator[tuple[int, Row]], done: Callable[[], int]) -> Iterator[Chunk]:
    while True:
        taken = list(itertools.islice(rows, CHUNK))
        yield Chunk([row for _, row in taken], [f"line {line}" for line, _ in taken], done())
        if len(taken) < CHUNK:
            return


@contextmanager
def _open_parquet(path: Path, needed: Sequence[str], on_bad_row: OnBadRow) -> Iterator[Source]:
    from pyarrow import parquet

    with open_file(path) as raw:
        with _readable(path):
            file = parquet.ParquetFile(raw)
            columns = file.schema_arrow.names
        chosen_columns(columns, needed, (), str(path))
        yield Source(columns, file.metadata.num_rows, _parquet_chunks(path, file))


def _parquet_chunks(path: Path, file: Any) -> Iterator[Chunk]:
    batches, done = file.iter_batches(CHUNK), 0
    while True:
        with _readable(path):
            batch = next(batches, None)
            if batch is None:
                return
            batch.validate(full=True)  # refuses texts that are not UTF-8
            rows = batch.to_pylist()
        places = [f"row {done + i} (first row is 0)" for i in range(len(rows))]
        done += len(rows)
        yield Chunk(rows, places, done, batch)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (ValueError, OverflowError, pa.ArrowException) as error:
        raise InputError(f"cannot read {path}: {error}") from None
