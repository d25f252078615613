"""Finds quotes that would join several rows of a CSV or TSV file into one."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from pkd.errors import InputError
from pkd.files.row_parsers import DELIMITERS

# A column with at most this many distinct values may hold labels. If the lines of a quoted field
# hold such values too, the lines are rows.
_FEW_VALUES = 50
_MOST_DOUBTS = 100


def check_quotes(path: Path, lines: Iterable[str], longest_field: int) -> None:
    """Refuses a file in which a quote seems to join rows.

    A quoted field that spans lines is a text with line breaks, or a stray quote has swallowed
    rows. It is doubtful if two or more of its lines are whole rows where quotes are ordinary
    characters. A doubtful field is refused unless another field of the file can be read only with
    its quotes, and also then if its lines hold labels, or other values that recur in a column.

    Args:
        path: the file, for its suffix and for messages.
        lines: its lines with their ends.
        longest_field: characters that a field may have.

    Raises:
        InputError: naming the lines of the first such field.
    """
    csv.field_size_limit(longest_field)
    delimiter = DELIMITERS[path.suffix.lower()]
    width, needs_quotes = 0, False
    values: list[set[str]] = []
    doubts: list[tuple[str, list[list[str]]]] = []
    for first, taken, row in _records(lines, delimiter):
        alone = _width(taken[0], delimiter)
        expected = width or alone  # the header's first line says how many fields its others have
        whole = [line for line in taken if _width(line, delimiter) == expected]
        if len(taken) > 1 and len(whole) > 1:
            doubt = _doubt(path, first, len(taken), len(whole), expected)
            if not width:
                raise InputError(doubt)
            rows = [line.rstrip("\r\n").split(delimiter) for line in whole]
            if len(doubts) < _MOST_DOUBTS or _recur(rows, values):
                doubts.append((doubt, rows))
            continue
        if not width:
            width, values = len(row), [set() for _ in row]
            if not row:
                return  # the header is broken, which `parse_csv` refuses
        elif len(row) == width:
            for known, value in zip(values, row, strict=True):
                if len(known) <= _FEW_VALUES:
                    known.add(value)
        needs_quotes |= (
            '"' in taken[0] and len(row) == width and (len(taken) > 1 or alone != width)
        )
    for doubt, rows in doubts:
        if not needs_quotes or _recur(rows, values):
            raise InputError(doubt)


def _recur(rows: list[list[str]], values: list[set[str]]) -> bool:
    """Returns whether the rows hold only known values in a column that has few of them."""
    return any(
        len(known) <= _FEW_VALUES and known.issuperset(column)
        for known, column in zip(values, zip(*rows, strict=True), strict=True)
    )


def _records(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str], list[str]]]:
    """Gives each record's first line number, its lines, and its fields, none if it is broken."""
    taken: list[str] = []

    def remembered() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    reader = csv.reader(remembered(), delimiter=delimiter, strict=True)
    while True:
        taken.clear()
        first = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            row = []
        if taken and taken[0].strip("\r\n"):
            yield first, taken, row


def _width(line: str, delimiter: str) -> int:
    """Returns how many fields a line has where quotes are ordinary; a blank line has none."""
    return line.count(delimiter) + 1 if line.strip("\r\n") else 0


def _doubt(path: Path, first: int, count: int, whole: int, width: int) -> str:
    fields = "one field" if width == 1 else f"{width} fields"
    lines = f"all {count}" if whole == count else f"{whole} of the {count}"
    return (
        f"{path}, line {first}: a quoted field runs on to line {first + count - 1}, but {lines} "
        f"lines are whole rows of {fields} if quotes are ordinary characters. "
        "If they are, set quoting to none (`quoting: none` in a task file, `--quoting none` for "
        "predict). If this one is a slip, remove it. If the field does hold line breaks, save the "
        "rows as .jsonl or .parquet"
    )
