"""Rows of a file of any size, read a chunk at a time; a bad row does not end the reading."""

import io
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pkd.errors import InputError
from pkd.files.columns import chosen_columns
from pkd.files.row_parsers import DELIMITERS, OnBadRow, parse_csv, parse_jsonl

SUFFIXES = (*DELIMITERS, ".jsonl", ".parquet")
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


def check_suffix(option: str, path: Path) -> None:
    """Checks the type of a file that an option names.

    Raises:
        InputError: if the type is unknown; names the option.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{option} is {path}, whose type {path.suffix!r} is unknown; use {', '.join(SUFFIXES)}"
        )


@contextmanager
def open_rows(path: Path, needed: Sequence[str], on_bad_row: OnBadRow) -> Iterator[Source]:
    """Opens a file for reading.

    Args:
        path: its suffix, one of `SUFFIXES`, gives its type. Texts are UTF-8.
        needed: columns that the file must have; of JSONL the first row.
        on_bad_row: called with the place and the problem of each row that cannot be read.

    Raises:
        InputError: if the file or its columns cannot be read.
    """
    try:
        with _open_parquet(path) if _is_parquet(path) else _open_text(path, on_bad_row) as source:
            chosen_columns(source.columns, needed, (), str(path))
            yield source
    except OSError as error:
        if error.filename is None or Path(error.filename) != path:
            raise  # the caller's code raised it
        raise InputError(f"cannot read {path}: {error.strerror}") from None


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


@contextmanager
def _open_text(path: Path, on_bad_row: OnBadRow) -> Iterator[Source]:
    is_jsonl = path.suffix.lower() == ".jsonl"
    # Bytes that are not UTF-8 become lone surrogates, which `_only_utf8` finds in their row.
    with (
        path.open("rb") as file,
        io.TextIOWrapper(
            file, "utf-8-sig", errors="surrogateescape", newline="\n" if is_jsonl else ""
        ) as lines,
    ):
        columns, rows = (_open_jsonl if is_jsonl else _open_csv)(path, lines, on_bad_row)
        yield Source(columns, path.stat().st_size, _chunks(rows, file.tell))


def _open_jsonl(
    path: Path, lines: Iterable[str], on_bad_row: OnBadRow
) -> tuple[list[str], Iterator[tuple[int, Row]]]:
    # A file that was joined from several may have byte order marks in its middle.
    parsed = parse_jsonl((line.lstrip("\ufeff") for line in lines), on_bad_row)
    rows = _only_utf8(parsed, on_bad_row)
    first = list(itertools.islice(rows, 1))
    columns = [name for _, row in first for name in row]
    return columns, itertools.chain(first, rows)


def _open_csv(
    path: Path, lines: Iterable[str], on_bad_row: OnBadRow
) -> tuple[list[str], Iterator[tuple[int, Row]]]:
    header, parsed = parse_csv(path, lines, _LONGEST_FIELD, on_bad_row)
    if not _is_utf8("".join(header)):
        raise InputError(f"{path}: the header is not UTF-8; save the file as UTF-8")
    chosen_columns(header, None, (), str(path))  # refuses columns of the same name
    rows = ((line, dict(zip(header, row, strict=True))) for line, row in parsed)
    return header, _only_utf8(rows, on_bad_row)


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
def _open_parquet(path: Path) -> Iterator[Source]:
    from pyarrow import parquet

    with path.open("rb") as raw:
        with _readable(path):
            file = parquet.ParquetFile(raw)
            columns = file.schema_arrow.names
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
