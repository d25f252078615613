"""Rows of a file of any size, read a chunk at a time, whatever is wrong with some of them."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pkd.errors import InputError, shown
from pkd.files.columns import DELIMITERS, chosen_columns, each_key_once

SUFFIXES = (*DELIMITERS, ".jsonl", ".parquet")
CHUNK = 4096  # rows: what is in memory at a time
_LONGEST_FIELD = 1 << 24  # characters: a quote that is never closed must not swallow the file

_NO_TEXT = "it is no UTF-8"

Row = dict[str, Any]


@dataclass(frozen=True)
class Chunk:
    """Some rows, and how far the file has been read with them.

    Attributes:
        rows: column to value.
        places: where each row is, for a person: its line, or its number.
        done: bytes (Parquet: rows) of the file so far.
        batch: the rows as Arrow has them, if they come from Parquet.
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
        chunks: the rows; to be read once. What is no row goes to ``lost``.
    """

    columns: list[str]
    total: int
    chunks: Iterator[Chunk]


Lost = Callable[[str, str], None]  # where, and why no row could be read there


def check_suffix(option: str, path: Path) -> None:
    """Refuses a file of an unknown type.

    Raises:
        InputError: naming the option.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{option} is {path}, whose type {path.suffix!r} is unknown; use {', '.join(SUFFIXES)}"
        )


@contextmanager
def open_rows(path: Path, needed: Sequence[str], lost: Lost) -> Iterator[Source]:
    """Opens a file for reading.

    Args:
        path: its suffix, one of `SUFFIXES`, tells its type. Texts are UTF-8.
        needed: columns that it must have; of JSONL the first row.
        lost: is told what cannot be read as a row.

    Raises:
        InputError: if the file or its columns cannot be read.
    """
    try:
        with _open_parquet(path) if _is_parquet(path) else _open_text(path, lost) as source:
            chosen_columns(source.columns, needed, (), str(path))
            yield source
    except OSError as error:
        if error.filename is None or Path(error.filename) != path:
            raise  # it is the caller's
        raise InputError(f"cannot read {path}: {error.strerror}") from None


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


@contextmanager
def _open_text(path: Path, lost: Lost) -> Iterator[Source]:
    with path.open("rb") as raw:
        total = path.stat().st_size
        # Bytes that are no UTF-8 become lone surrogates, which `_no_text` finds in their row.
        lines = (line.decode("utf-8", "surrogateescape") for line in raw)
        if path.suffix.lower() == ".jsonl":
            rows = _json_rows(lines, lost)
            first = next(rows, None)
            columns = list(first[1]) if first else []
            rows = _chain(first, rows)
        else:
            columns, rows = _csv_rows(path, lines, lost)
        yield Source(columns, total, _chunks(rows, raw.tell))


def _chain(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    if first is not None:
        yield first
    yield from rest


def _chunks(rows: Iterator[tuple[int, Row]], done: Callable[[], int]) -> Iterator[Chunk]:
    chunk = Chunk([], [], 0)
    for line, row in rows:
        chunk.rows.append(row)
        chunk.places.append(f"line {line}")
        if len(chunk.rows) == CHUNK:
            yield Chunk(chunk.rows, chunk.places, done())
            chunk = Chunk([], [], 0)
    yield Chunk(chunk.rows, chunk.places, done())


def _json_rows(lines: Iterator[str], lost: Lost) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip("\ufeff \t\r\n"):
            continue
        try:
            row = json.loads(line.lstrip("\ufeff"), object_pairs_hook=each_key_once)
        except (ValueError, RecursionError) as error:
            lost(f"line {number}", f"it is no JSON: {error}")
            continue
        if not isinstance(row, dict):
            lost(f"line {number}", f"it holds {shown(row)}, but must hold one object")
        # JSON can escape half a character, too.
        elif _no_text(line) or ("\\u" in line and _no_text(json.dumps(row, ensure_ascii=False))):
            lost(f"line {number}", _NO_TEXT)
        else:
            yield number, row


def _csv_rows(
    path: Path, lines: Iterator[str], lost: Lost
) -> tuple[list[str], Iterator[tuple[int, Row]]]:
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(lines, delimiter=DELIMITERS[path.suffix.lower()], strict=True)
    try:
        header = next((row for row in reader if row), [])
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}") from None
    header = [name.removeprefix("\ufeff") for name in header]
    if _no_text("".join(header)):
        raise InputError(f"{path}: the header is no UTF-8; save the file as UTF-8")
    for name in header:
        chosen_columns(header, [name], (), str(path))  # refuses doubled ones

    def rows() -> Iterator[tuple[int, Row]]:
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                lost(f"line {line}", f"{error}, read up to line {reader.line_num}")
                continue
            if row and len(row) != len(header):
                lost(f"line {line}", f"{len(row)} field(s), but the header names {len(header)}")
            elif _no_text("".join(row)):
                lost(f"line {line}", _NO_TEXT)
            elif row:
                yield line, dict(zip(header, row, strict=True))

    return header, rows()


def _no_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


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
            batch.validate(full=True)  # texts that are no UTF-8
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
