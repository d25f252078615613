"""Columns of a CSV, TSV, JSONL or Parquet file; what cannot be read is named with its line."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pkd.errors import InputError, listed, shown

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = {".csv": ",", ".tsv": "\t"}
Columns = dict[str, list[Any]]


def read_columns(
    path: Path, needed: Sequence[str] | None, optional: Sequence[str] = ()
) -> Columns:
    """Reads some columns of a file.

    Args:
        path: ``.parquet``, ``.csv``, ``.tsv`` (UTF-8, the names in the first row, fields with
            delimiters, quotes or line breaks in double quotes) or ``.jsonl`` (UTF-8, one object a
            line). Blank lines are skipped.
        needed: columns that the file must have; None reads all it has.
        optional: columns that are read if they are there.

    Returns:
        The values of each column by row. Fields of CSV and TSV files are texts; an empty field is
        an empty text. What a row of JSON lacks is None.

    Raises:
        InputError: naming the file and, where there is one, the line or the column.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet(path, needed, optional)
    if suffix in DELIMITERS:
        return _csv(path, DELIMITERS[suffix], needed, optional)
    if suffix in (".jsonl", ".json"):
        return _jsonl(path, needed, optional)
    raise InputError(f"{path}: unknown file type {suffix!r}; use .parquet, .csv, .tsv or .jsonl")


def arrow_columns(
    table: "pa.Table", where: str, needed: Sequence[str] | None, optional: Sequence[str]
) -> Columns:
    """The columns of an Arrow table, as `read_columns` gives them."""
    names = chosen_columns(table.column_names, needed, optional, where)
    table = table.select(names)
    table.validate(full=True)  # texts that are no UTF-8
    return {name: table[name].to_pylist() for name in names}


def _parquet(path: Path, needed: Sequence[str] | None, optional: Sequence[str]) -> Columns:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return arrow_columns(parquet.read_table(path), str(path), needed, optional)
    # ValueError: names that are no UTF-8, dates that Python does not have
    except (OSError, ValueError, OverflowError, pa.ArrowException) as error:
        raise InputError(f"cannot read {path}: {error}") from None


def _csv(
    path: Path, delimiter: str, needed: Sequence[str] | None, optional: Sequence[str]
) -> Columns:
    csv.field_size_limit(2**31 - 1)  # 131,072 characters is where the module stops by default
    # Strict, because a quote that is never closed would swallow all rows below it.
    reader = csv.reader(io.StringIO(_text(path), newline=""), delimiter=delimiter, strict=True)
    rows = _rows(reader, path)
    _, header = next(rows, (0, []))
    names = chosen_columns(header, needed, optional, str(path))
    places = [header.index(name) for name in names]
    values: list[list[str]] = [[] for _ in names]
    for line, row in rows:
        if len(row) != len(header):
            raise InputError(
                f"{path}, line {line}: {len(row)} field(s), but the first line names "
                f"{len(header)}: a field that holds the delimiter needs double quotes"
            )
        for column, place in zip(values, places, strict=True):
            column.append(row[place])
    return dict(zip(names, values, strict=True))


def _rows(reader: Any, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows with the 1-based line on which each begins."""
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(
                f"{path}, line {line}: {error}. A quote inside a quoted field is doubled, and a "
                "field that begins with a quote is a quoted one"
            ) from None
        if row:
            yield line, row


def _jsonl(path: Path, needed: Sequence[str] | None, optional: Sequence[str]) -> Columns:
    rows, names = [], dict[str, None]()
    # Not `splitlines`: texts may hold other separators, e.g. U+2028.
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=each_key_once)
        except json.JSONDecodeError as error:
            what = f"{error.msg} at character {error.colno}"
            raise InputError(f"{path}, line {number} is no JSON: {what}") from None
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: {error}") from None
        if not isinstance(row, dict):
            raise InputError(
                f"{path}, line {number} holds {shown(row)}, but must hold one object, "
                "e.g. {" + ", ".join(f'"{name}": …' for name in needed or ("text", "label")) + "}"
            )
        names |= dict.fromkeys(row)
        rows.append(row)
    chosen = chosen_columns(list(names), needed, optional, str(path))
    return {name: [row.get(name) for row in rows] for name in chosen}


def each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For `json.loads`: refuses doubled keys, of which one would silently win."""
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {shown(twice)} comes twice")
    return content


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: byte {content[error.start]:#04x} is no UTF-8; save the file "
            "as UTF-8"
        ) from None
    if not text.strip():
        raise InputError(f"{path} is empty")
    if (start := text.find("\0")) >= 0:
        line = text.count("\n", 0, start) + 1
        raise InputError(f"{path}, line {line} holds a NUL: it is no text, or text in UTF-16")
    return text


def chosen_columns(
    names: Sequence[str], needed: Sequence[str] | None, optional: Sequence[str], where: str
) -> list[str]:
    """The columns to read, each once."""
    needed = names if needed is None else needed
    chosen = dict.fromkeys((*needed, *(name for name in optional if name in names)))
    for name in chosen:
        if name not in names:
            raise InputError(f"{where} has no column {name!r}; it has {listed(names)}")
        if names.count(name) > 1:
            raise InputError(f"{where} has {names.count(name)} columns {name!r}: rename or drop")
    return list(chosen)
