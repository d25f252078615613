"""Columns of a CSV, TSV, JSONL or Parquet file; an error names the line."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pkd.errors import InputError, did_you_mean, listed, shown
from pkd.files.quotes import check_quotes
from pkd.files.row_parsers import (
    JSONL_ADVICE,
    QUOTING_ADVICE,
    Quoting,
    check_suffix,
    delimiter_hint,
    parse_csv,
    parse_jsonl,
    refuse_bad_rows,
)
from pkd.files.text_file import check_encoding, check_regular, open_lines, read_file

if TYPE_CHECKING:
    import pyarrow as pa

Columns = dict[str, list[Any]]
_LONGEST_FIELD = 2**31 - 1  # characters: the most that the csv module allows


def read_columns(
    path: Path,
    needed: Sequence[str] | None,
    optional: Sequence[str] = (),
    quoting: Quoting = "double",
) -> Columns:
    """Reads some columns of a file.

    Args:
        path: ``.parquet``, ``.csv``, ``.tsv`` (UTF-8, the names in the first row) or ``.jsonl``
            (UTF-8, one object a line). Blank lines are skipped,
            but in a CSV or TSV file of one column only at its end.
        needed: columns that the file must have; None reads all columns.
        optional: columns that are read if the file has them.
        quoting: of CSV and TSV: ``double`` where fields with delimiters, quotes or line breaks
            stand in double quotes; ``none`` where a quote is an ordinary character.

    Returns:
        The values of each column, row by row. Fields of CSV and TSV files are texts; an empty
        field is an empty text. Null, NaN, and a key that a row of JSON lacks are None.

    Raises:
        InputError: naming the file and, where there is one, the line or the column.
    """
    check_suffix(str(path), path)
    check_regular(path)
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _read_parquet(path, needed, optional)
    if suffix == ".jsonl":
        return _read_jsonl(path, needed, optional)
    return _read_csv(path, needed, optional, quoting)


def arrow_columns(
    table: "pa.Table", where: str, needed: Sequence[str] | None, optional: Sequence[str]
) -> Columns:
    """Returns columns of an Arrow table as `read_columns` does."""
    names = chosen_columns(table.column_names, needed, optional, where)
    table = table.select(names)
    table.validate(full=True)  # refuses texts that are not UTF-8
    return {name: [_known(value) for value in table[name].to_pylist()] for name in names}


def _known(value: Any) -> Any:
    """Returns a value, but None for NaN, which pandas writes for null in columns of numbers."""
    return None if isinstance(value, float) and math.isnan(value) else value


def _read_parquet(path: Path, needed: Sequence[str] | None, optional: Sequence[str]) -> Columns:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:  # `read_table` adds columns named by folders
            return arrow_columns(file.read(), str(path), needed, optional)
    # ValueError: names that are not UTF-8, dates outside Python's range
    except (OSError, ValueError, OverflowError, pa.ArrowException) as error:
        raise InputError(f"cannot read {path}: {error}") from None


def _read_csv(
    path: Path, needed: Sequence[str] | None, optional: Sequence[str], quoting: Quoting
) -> Columns:
    lines = open_lines(path, io.BytesIO(_read_utf8(path)))
    if quoting == "double":
        check_quotes(path, lines, _LONGEST_FIELD)
        lines.seek(0)
    refuse = refuse_bad_rows(path, QUOTING_ADVICE[quoting])
    header, rows = parse_csv(path, lines, _LONGEST_FIELD, refuse, quoting)
    names = columns_of_header(path, header, needed, optional)
    places = [header.index(name) for name in names]
    values: list[list[str]] = [[] for _ in names]
    for _, row in rows:
        for column, place in zip(values, places, strict=True):
            column.append(row[place])
    return dict(zip(names, values, strict=True))


def _read_jsonl(path: Path, needed: Sequence[str] | None, optional: Sequence[str]) -> Columns:
    refuse = refuse_bad_rows(path, JSONL_ADVICE)
    lines = open_lines(path, io.BytesIO(_read_utf8(path)), "\n")
    rows = [row for _, row in parse_jsonl(lines, refuse)]
    names = dict.fromkeys(name for row in rows for name in row)
    chosen = chosen_columns(list(names), needed, optional, str(path))
    return {name: [row.get(name) for row in rows] for name in chosen}


def _read_utf8(path: Path) -> bytes:
    """Returns a file's bytes, which are UTF-8, not blank and without NUL."""
    try:
        content = read_file(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    check_encoding(path, content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: byte {content[error.start]:#04x} is not UTF-8; save the file "
            "as UTF-8 ('CSV UTF-8' in Excel)"
        ) from None
    if not text.strip():
        raise InputError(f"{path} is empty")
    if (start := text.find("\0")) >= 0:
        line = text.count("\n", 0, start) + 1
        raise InputError(
            f"{path}, line {line} holds a NUL: the file is not text, or it is UTF-16; save it as "
            "UTF-8"
        )
    return content


def columns_of_header(
    path: Path, header: Sequence[str], needed: Sequence[str] | None, optional: Sequence[str] = ()
) -> list[str]:
    """Does `chosen_columns` for a CSV or TSV file, and suggests another delimiter.

    Raises:
        InputError: also if the header is a single name that another delimiter would separate.
    """
    hint = delimiter_hint(path, header)
    names = chosen_columns(header, needed, optional, str(path), hint)
    if hint and len(header) == 1 and header[0] not in (needed or ()):
        raise InputError(f"{path} has a single column, {listed(header)}{hint}")
    return names


def chosen_columns(
    names: Sequence[str],
    needed: Sequence[str] | None,
    optional: Sequence[str],
    where: str,
    hint: str = "",
) -> list[str]:
    """Returns the columns to read, each once.

    Args:
        names: the columns that the file has.
        needed: see `read_columns`.
        optional: see `read_columns`.
        where: the file, for messages.
        hint: what to say about a missing column; by default the nearest name.

    Raises:
        InputError: if a needed column is missing, or if several columns have a chosen name.
    """
    needed = names if needed is None else needed
    chosen = dict.fromkeys((*needed, *(name for name in optional if name in names)))
    for name in chosen:
        if name not in names:
            raise InputError(
                f"{where} has no column {shown(name)}; it has {listed(names) or 'none'}"
                f"{hint or did_you_mean(name, names)}"
            )
        if names.count(name) > 1:
            raise InputError(
                f"{where} has {names.count(name)} columns {shown(name)}: rename or drop one"
            )
    return list(chosen)
