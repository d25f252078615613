"""Writes labelled rows a chunk at a time, as CSV, TSV, JSONL or Parquet."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pkd.errors import InputError, shown
from pkd.files.columns import DELIMITERS
from pkd.files.row_reader import Chunk

Write = Callable[[Chunk, Sequence[Mapping[str, Any]]], object]  # rows, and what is added to each


@contextmanager
def open_writer(path: Path, kind: str, columns: Sequence[str]) -> Iterator[Write]:
    """Opens a file for writing; chunks of one source are given to it in their order.

    Args:
        path: the file.
        kind: one of `pkd.files.row_reader.SUFFIXES`; the file's own suffix may be another.
        columns: of the rows, the added ones at the end.
    """
    if kind == ".parquet":
        with _parquet_writer(path, columns) as write:
            yield _only(write, columns)
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
        yield _only(
            lambda chunk, added: writer.writerows(
                [_field({**row, **more}.get(name)) for name in columns]
                for row, more in zip(chunk.rows, added, strict=True)
            ),
            columns,
        )


@contextmanager
def _parquet_writer(path: Path, columns: Sequence[str]) -> Iterator[Write]:
    import pyarrow as pa
    from pyarrow import parquet

    added_schema = pa.schema([("prediction", pa.string()), ("probability", pa.float64())])
    schema: Any = None  # of the rows as they were read
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
                f"the rows of {where} have no types that Parquet could hold ({error}); "
                "choose a name in .jsonl for --output"
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


def _only(write: Write, columns: Sequence[str]) -> Write:
    """Refuses rows of JSON with keys for which a table has no column."""
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


def _field(value: Any) -> Any:
    """A value as a field of CSV: nothing for None, JSON for lists and objects."""
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value
