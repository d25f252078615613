"""Parsers of CSV, TSV and JSONL, one for each format; a bad row is reported with its line."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pkd.errors import InputError, shown

DELIMITERS = {".csv": ",", ".tsv": "\t"}
QUOTING = (
    "A field that holds the delimiter, a quote or a line break needs double quotes around it, "
    "and a quote inside it is doubled"
)

OnBadRow = Callable[[str, str], object]  # the place, e.g. "line 3", and what is wrong there


def refuse_bad_rows(path: Path, advice: str) -> OnBadRow:
    """Returns a callback that raises `InputError` for the first bad row of a file."""

    def refuse(place: str, problem: str) -> None:
        raise InputError(f"{path}, {place}: {problem}. {advice}")

    return refuse


def parse_csv(
    path: Path, lines: Iterable[str], longest_field: int, on_bad_row: OnBadRow
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Parses a CSV or TSV file; blank lines are skipped.

    Args:
        path: the file, for its suffix and for messages.
        lines: its lines with their ends as they are.
        longest_field: characters that a field may have.
        on_bad_row: called for a row with wrong quotes or a wrong number of fields.

    Returns:
        The header, which is empty if there is none, and the fields of each other row with the
        1-based line on which the row begins.

    Raises:
        InputError: if the header has wrong quotes.
    """
    csv.field_size_limit(longest_field)
    # Strict, because a quote that is never closed would swallow all rows below it.
    reader = csv.reader(lines, delimiter=DELIMITERS[path.suffix.lower()], strict=True)
    _, header = next(_filled_rows(reader, refuse_bad_rows(path, QUOTING)), (0, []))
    return header, _rows_of_width(_filled_rows(reader, on_bad_row), len(header), on_bad_row)


def _filled_rows(reader: Any, on_bad_row: OnBadRow) -> Iterator[tuple[int, list[str]]]:
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            last = reader.line_num
            on_bad_row(f"line {line}", f"{error}" + f", read up to line {last}" * (last > line))
            continue
        if row:
            yield line, row


def _rows_of_width(
    rows: Iterator[tuple[int, list[str]]], width: int, on_bad_row: OnBadRow
) -> Iterator[tuple[int, list[str]]]:
    for line, row in rows:
        if len(row) == width:
            yield line, row
        else:
            on_bad_row(f"line {line}", f"{len(row)} field(s), but the header names {width}")


def parse_jsonl(
    lines: Iterable[str], on_bad_row: OnBadRow
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Parses a file with one JSON object a line; blank lines are skipped.

    Args:
        lines: its lines, which end at ``\\n`` alone: texts may hold other separators.
        on_bad_row: called for a line that is not JSON, not an object, or has a key twice.

    Returns:
        Each object with its 1-based line.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.rstrip("\r\n"), object_pairs_hook=_each_key_once)
        except json.JSONDecodeError as error:
            problem = f"it is not JSON: {error.msg} at character {error.colno}"
        except RecursionError:
            problem = "it is nested too deeply"
        except ValueError as error:  # a key that appears twice, an integer of too many digits
            problem = str(error)
        else:
            if isinstance(row, dict):
                yield number, row
                continue
            problem = f"it holds {shown(row)}, but must hold one object"
        on_bad_row(f"line {number}", problem)


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses keys that appear twice, because `json` would keep the last one silently."""
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {shown(twice)} appears twice")
    return content
