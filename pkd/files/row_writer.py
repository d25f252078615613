"""Writes labelled rows a chunk at a time, as CSV, TSV, JSONL or Parquet."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from pkd.errors import InputError, shown
from pkd.files.row_parsers import DELIMITERS
from pkd.files.row_reader import Chunk

Write = Callable[
    [Chunk, Sequence[Mapping[str, Any]]], object
]  # rows, and the columns added to each


@contextmanager
def open_writer(path: Path, kind: str, columns: Sequence[str]) -> Iterator[Write]:
    """Opens a file for writing; the chunks of a source must be written in their order.

    Args:
        path: the file.
        kind: its type, one of `pkd.files.row_parsers.SUFFIXES`; the file may have another suffix.
        columns: the columns of the rows, the added ones last.
    """
    if kind == ".parquet":
        with _parquet_writer(path, columns) as write:
            yield _refuse_unknown_keys(write, columns)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        if kind == ".jsonl":
            yield lambda chunk, added: file.writelines(
                json.dumps({**row, **more}, ensure_ascii=False, default=str) + "\n"
                for row, more in zip(chunk.rows, added, strict=True)
            )
            return
        writer = csv.writer(_UnixLines(file), delimiter=DELIMITERS[kind])
        writer.writerow(columns)
        yield _refuse_unknown_keys(
            lambda chunk, added: writer.writerows(
                [_csv_field({**row, **more}.get(name)) for name in columns]
                for row, more in zip(chunk.rows, added, strict=True)
            ),
            columns,
        )


class _UnixLines:
    """Ends the rows of a CSV writer by ``\\n``.

    A writer that does so itself leaves a field that holds a lone ``\\r`` without quotes.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, row: str) -> None:
        self._file.write(row.removesuffix("\r\n") + "\n")


@contextmanager
def _parquet_writer(path: Path, columns: Sequence[str]) -> Iterator[Write]:
    import pyarrow as pa
    from pyarrow import parquet

    added_schema = pa.schema([("prediction", pa.string()), ("probability", pa.float64())])
    schema: Any = None  # of the source's columns
    writer: Any = None

    def table_of(chunk: Chunk) -> Any:
        if chunk.batch is not None:
            return pa.Table.from_batches([chunk.batch])
        if not chunk.rows and schema is None:
            return pa.table({name: pa.array([], pa.string()) for name in columns[:-2]})
        try:
            return pa.Table.from_pylist(chunk.rows, schema)
        except (pa.ArrowException, TypeError, OverflowError) as error:
            where = f"{chunk.places[0]} to {chunk.places[-1]}"
            raise InputError(
                f"Parquet cannot hold the rows of {where}, as values of a column have different "
                f"types ({error}); choose a name in .jsonl for --output"
            ) from None

    def write(chunk: Chunk, added: Sequence[Mapping[str, Any]]) -> None:
        nonlocal schema, writer
        table, new = table_of(chunk), pa.Table.from_pylist(list(added), added_schema)
        schema = table.schema
        for name in new.column_names:
            table = table.append_column(name, new[name])
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


def _refuse_unknown_keys(write: Write, columns: Sequence[str]) -> Write:
    """Makes ``write`` refuse rows of JSON with a key that is not a column."""
    known = set(columns)

    def checked(chunk: Chunk, added: Sequence[Mapping[str, Any]]) -> None:
        for row, place in zip(chunk.rows, chunk.places, strict=True):
            if not known.issuperset(row):
                key = next(key for key in row if key not in known)
                raise InputError(
                    f"{place} has the key {shown(key)}, which the first row lacks: choose a name "
                    "in .jsonl for --output"
                )
        write(chunk, added)

    return checked


def _csv_field(value: Any) -> Any:
    """Returns a value as a field of CSV: JSON for lists and objects, None for an empty field."""
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value
