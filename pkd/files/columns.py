"""Columns of a CSV, TSV, JSONL or Parquet file; an error names the line."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pkd.errors import InputError, listed
from pkd.files.row_parsers import DELIMITERS, QUOTING, parse_csv, parse_jsonl, refuse_bad_rows

if TYPE_CHECKING:
    import pyarrow as pa

Columns = dict[str, list[Any]]
_LONGEST_FIELD = 2**31 - 1  # characters: the most that the csv module allows


def read_columns(
    path: Path, needed: Sequence[str] | None, optional: Sequence[str] = ()
) -> Columns:
    """Reads some columns of a file.

    Args:
        path: ``.parquet``, ``.csv``, ``.tsv`` (UTF-8, the names in the first row, fields with
            delimiters, quotes or line breaks in double quotes) or ``.jsonl`` (UTF-8, one object a
            line). Blank lines are skipped.
        needed: columns that the file must have; None reads all columns.
        optional: columns that are read if the file has them.

    Returns:
        The values of each column, row by row. Fields of CSV and TSV files are texts; an empty
        field is an empty text. A key that a row of JSON lacks is None.

    Raises:
        InputError: naming the file and, where there is one, the line or the column.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _read_parquet(path, needed, optional)
    if suffix in DELIMITERS:
        return _read_csv(path, needed, optional)
    if suffix in (".jsonl", ".json"):
        return _read_jsonl(path, needed, optional)
    raise InputError(f"{path}: unknown file type {suffix!r}; use .parquet, .csv, .tsv or .jsonl")


def arrow_columns(
    table: "pa.Table", where: str, needed: Sequence[str] | None, optional: Sequence[str]
) -> Columns:
    """Returns columns of an Arrow table as `read_columns` does."""
    names = chosen_columns(table.column_names, needed, optional, where)
    table = table.select(names)
    table.validate(full=True)  # refuses texts that are not UTF-8
    return {name: table[name].to_pylist() for name in names}


def _read_parquet(path: Path, needed: Sequence[str] | None, optional: Sequence[str]) -> Columns:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return arrow_columns(parquet.read_table(path), str(path), needed, optional)
    # ValueError: names that are not UTF-8, dates outside Python's range
    except (OSError, ValueError, OverflowError, pa.ArrowException) as error:
        raise InputError(f"cannot read {path}: {error}") from None


def _read_csv(path: Path, needed: Sequence[str] | None, optional: Sequence[str]) -> Columns:
    lines = io.StringIO(_read_utf8(path), newline="")
    header, rows = parse_csv(path, lines, _LONGEST_FIELD, refuse_bad_rows(path, QUOTING))
    names = chosen_columns(header, needed, optional, str(path))
    places = [header.index(name) for name in names]
    values: list[list[str]] = [[] for _ in names]
    for _, row in rows:
        for column, place in zip(values, places, strict=True):
            column.append(row[place])
    return dict(zip(names, values, strict=True))


def _read_jsonl(path: Path, needed: Sequence[str] | None, optional: Sequence[str]) -> Columns:
    example = ", ".join(f'"{name}": …' for name in needed or ("text", "label"))
    refuse = refuse_bad_rows(path, f"Each line must hold one object, e.g. {{{example}}}")
    lines = io.StringIO(_read_utf8(path), newline="\n")
    rows = [row for _, row in parse_jsonl(lines, refuse)]
    names = dict.fromkeys(name for row in rows for name in row)
    chosen = chosen_columns(list(names), needed, optional, str(path))
    return {name: [row.get(name) for row in rows] for name in chosen}


def _read_utf8(path: Path) -> str:
    """Returns a file's text, which is UTF-8, is not blank and has no NUL."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: byte {content[error.start]:#04x} is not UTF-8; save the file "
            "as UTF-8"
        ) from None
    if not text.strip():
        raise InputError(f"{path} is empty")
    if (start := text.find("\0")) >= 0:
        line = text.count("\n", 0, start) + 1
        raise InputError(
            f"{path}, line {line} holds a NUL: the file is not text, or it is UTF-16; save it as "
            "UTF-8"
        )
    return text


def chosen_columns(
    names: Sequence[str], needed: Sequence[str] | None, optional: Sequence[str], where: str
) -> list[str]:
    """Returns the columns to read, each once.

    Args:
        names: the columns that the file has.
        needed: see `read_columns`.
        optional: see `read_columns`.
        where: the file, for messages.

    Raises:
        InputError: if a needed column is missing, or if several columns have a chosen name.
    """
    needed = names if needed is None else needed
    chosen = dict.fromkeys((*needed, *(name for name in optional if name in names)))
    for name in chosen:
        if name not in names:
            raise InputError(f"{where} has no column {name!r}; it has {listed(names)}")
        if names.count(name) > 1:
            raise InputError(
                f"{where} has {names.count(name)} columns {name!r}: rename or drop one"
            )
    return list(chosen)
