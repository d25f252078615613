"""Rows of a file of any size, read and written a chunk at a time, whatever is wrong with some."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pkd.datafile import DELIMITERS, chosen_columns, each_key_once
from pkd.errors import InputError, shown

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
Write = Callable[[Chunk, Sequence[Mapping[str, Any]]], None]  # rows, and what is added to each


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
            raise
        raise InputError(f"cannot read {path}: {error.strerror}") from None


@contextmanager
def open_writer(path: Path, kind: str, columns: Sequence[str]) -> Iterator[Write]:
    """Opens a file for writing; chunks of one source are given to it in their order.

    Args:
        path: the file.
        kind: one of `SUFFIXES`.
        columns: of the rows, the added ones at the end.
    """
    if kind == ".parquet":
        with _parquet_writer(path) as write:
            yield write
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        if kind == ".jsonl":
            yield lambda chunk, added: file.writelines(
                json.dumps({**row, **more}, ensure_ascii=False, default=str) + "\n"
                for row, more in zip(chunk.rows, added, strict=True)
            )
            return
        writer = csv.writer(file, delimiter=DELIMITERS[kind], lineterminator="\n")
        writer.writerow(columns)
        yield lambda chunk, added: writer.writerows(
            [_field((row | more).get(name)) for name in columns]
            for row, more in zip(chunk.rows, added, strict=True)
        )


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
    import pyarrow as pa
    from pyarrow import parquet

    def chunks(file: Any) -> Iterator[Chunk]:
        done = 0
        for batch in file.iter_batches(CHUNK):
            batch.validate(full=True)  # texts that are no UTF-8
            places = [f"row {done + i} (first row is 0)" for i in range(len(batch))]
            done += len(batch)
            yield Chunk(batch.to_pylist(), places, done, batch)

    try:
        with parquet.ParquetFile(path) as file:
            yield Source(file.schema_arrow.names, file.metadata.num_rows, chunks(file))
    except (ValueError, OverflowError, pa.ArrowException) as error:
        raise InputError(f"cannot read {path}: {error}") from None


@contextmanager
def _parquet_writer(path: Path) -> Iterator[Write]:
    import pyarrow as pa
    from pyarrow import parquet

    writer: Any = None

    def write(chunk: Chunk, added: Sequence[Mapping[str, Any]]) -> None:
        nonlocal writer
        new = pa.Table.from_pylist(
            list(added), pa.schema([("prediction", pa.string()), ("probability", pa.float64())])
        )
        try:
            if chunk.batch is not None:
                table = pa.Table.from_batches([chunk.batch])
            else:
                schema = None if writer is None else pa.schema(list(writer.schema)[:-2])
                table = pa.Table.from_pylist(chunk.rows, schema)
        except (pa.ArrowException, TypeError, OverflowError) as error:
            where = f"{chunk.places[0]} to {chunk.places[-1]}"
            raise InputError(
                f"the rows of {where} have no types that Parquet could hold ({error}); "
                "choose a name in .jsonl for --output"
            ) from None
        for name in new.column_names:
            table = table.append_column(name, new[name])
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


def _field(value: Any) -> Any:
    """A value as a field of CSV: nothing for None, JSON for lists and objects."""
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value
