"""Parsers of CSV, TSV and JSONL, one for each format; a bad row is reported with its line."""

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pkd.errors import InputError, shown

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
DELIMITERS = {".csv": ",", ".tsv": "\t"}
Quoting = Literal["double", "none"]
QUOTING_ADVICE: dict[Quoting, str] = {
    "double": (
        "A field that holds the delimiter, a quote or a line break needs double quotes around it, "
        "and a quote inside it is doubled; where quotes are ordinary characters, set quoting to "
        "none (`quoting: none` in a task file, `--quoting none` for predict)"
    ),
    "none": "With quoting set to none, a field cannot hold the delimiter or a line break",
}
JSONL_ADVICE = (
    "Each line must hold one object, as pandas writes with "
    "to_json('new.jsonl', orient='records', lines=True)"
)
_OTHER_TYPES = {
    ".json": (
        "if each line holds one object, rename it to .jsonl, else convert it: pandas.read_json("
        "'old.json').to_json('new.jsonl', orient='records', lines=True)"
    ),
    ".xlsx": "save the sheet as 'CSV UTF-8'",
    ".xls": "save the sheet as 'CSV UTF-8'",
    ".txt": "rename it to .tsv if tabs separate its columns",
    ".gz": "unpack it first",
    ".zip": "unpack it first",
}
_OTHER_BREAK = "a field without quotes holds a line break unlike that of the first line"
_PROBLEMS = (  # what the csv module says, and plainer words
    ("new-line character seen", _OTHER_BREAK),
    ("expected after", "text follows a closing quote"),
    ("unexpected end of data", "a quote is never closed"),
)
_CONSTANTS = {"NaN": None, "Infinity": math.inf, "-Infinity": -math.inf}

OnBadRow = Callable[[str, str], object]  # the place, e.g. "line 3", and what is wrong there


def check_suffix(where: str, path: Path) -> None:
    """Checks that a file's suffix is one of `SUFFIXES`.

    Args:
        where: what names the file, for the message.
        path: the file.

    Raises:
        InputError: with what to do.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        hint = f"; {_OTHER_TYPES[suffix]}" if suffix in _OTHER_TYPES else ""
        raise InputError(f"{where}: unknown file type {suffix!r}; use {', '.join(SUFFIXES)}{hint}")


def delimiter_hint(path: Path, header: Sequence[str]) -> str:
    """Returns what to do if another delimiter than the one of a file's type makes more columns.

    Args:
        path: a CSV or TSV file.
        header: its columns as they are read.

    Returns:
        The end of a message, or an empty text.
    """
    delimiter = DELIMITERS[path.suffix.lower()]
    counts = {other: delimiter.join(header).count(other) + 1 for other in ";\t|,"}
    other = max(counts, key=lambda each: counts[each])
    if other == delimiter or counts[other] <= max(1, len(header)):
        return ""
    suffixes = {each: suffix for suffix, each in DELIMITERS.items()}
    way = (
        f"rename it to {suffixes[other]}"
        if other in suffixes
        else f"convert it: pandas.read_csv({path.name!r}, sep={other!r}, dtype=str, "
        f"keep_default_na=False).to_csv('new{path.suffix}', sep={delimiter!r}, index=False)"
    )
    return (
        f"; {other!r} would separate {counts[other]} columns, but in a {path.suffix.lower()} file "
        f"{delimiter!r} does: {way}"
    )


def refuse_bad_rows(path: Path, advice: str) -> OnBadRow:
    """Returns a callback that raises `InputError` for the first bad row of a file."""

    def refuse(place: str, problem: str) -> None:
        raise InputError(f"{path}, {place}: {problem}. {advice}")

    return refuse


def parse_csv(
    path: Path,
    lines: Iterable[str],
    longest_field: int,
    on_bad_row: OnBadRow,
    quoting: Quoting = "double",
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Parses a CSV or TSV file.

    Blank lines are skipped; in a file of one column only those at its end, as others are rows.

    Args:
        path: the file, for its suffix and for messages.
        lines: its lines with their ends as they are; see `pkd.files.quotes.check_quotes` about
            quotes that join rows.
        longest_field: characters that a quoted field may have.
        on_bad_row: called for a row with wrong quotes or a wrong number of fields.
        quoting: ``double`` where fields may stand in double quotes; ``none`` where a quote is an
            ordinary character.

    Returns:
        The header, which is empty if there is none, and the fields of each other row with the
        1-based line on which the row begins.

    Raises:
        InputError: if the header has wrong quotes.
    """
    delimiter = DELIMITERS[path.suffix.lower()]
    lines = _Lines(lines)
    if quoting == "none":
        rows = _split_rows(lines, delimiter)
        header = next((row for _, row in rows if row), [])
        if len(header) == 1:
            rows = _without_returns(rows, on_bad_row)
    else:
        csv.field_size_limit(longest_field)
        # Strict, because a quote that is never closed would swallow all rows below it.
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        refuse = _refuse_header(path, lines)
        header = next((row for _, row in _quoted_rows(reader, refuse) if row), [])
        rows = _quoted_rows(reader, on_bad_row)
    return header, _rows_of_width(rows, len(header), on_bad_row, lines)


def _refuse_header(path: Path, lines: "_Lines") -> OnBadRow:
    def refuse(place: str, problem: str) -> None:
        names = lines.first.split(DELIMITERS[path.suffix.lower()])
        advice = delimiter_hint(path, names) or f". {QUOTING_ADVICE['double']}"
        raise InputError(f"{path}, {place}: {problem}{advice}")

    return refuse


class _Lines(Iterator[str]):
    """Lines of a file.

    Attributes:
        first: the first line.
        last: the line that was read last.
        end: how the first line ends.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.first = self.last = self.end = ""

    def __next__(self) -> str:
        self.last = next(self._lines)
        if not self.first:
            self.first = self.last
            self.end = self.first[len(self.first.rstrip("\r\n")) :]
        return self.last


def _split_rows(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, start=1):
        fields = line.removesuffix("\n").removesuffix("\r")
        yield number, fields.split(delimiter) if fields else []


def _without_returns(
    rows: Iterator[tuple[int, list[str]]], on_bad_row: OnBadRow
) -> Iterator[tuple[int, list[str]]]:
    """Reports what may be several rows of one column."""
    for line, row in rows:
        if row and "\r" in row[0]:
            on_bad_row(f"line {line}", _OTHER_BREAK)
        else:
            yield line, row


def _quoted_rows(reader: Any, on_bad_row: OnBadRow) -> Iterator[tuple[int, list[str]]]:
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            last = reader.line_num
            problem = next((ours for start, ours in _PROBLEMS if start in str(error)), str(error))
            on_bad_row(f"line {line}", problem + f", read up to line {last}" * (last > line))


def _rows_of_width(
    rows: Iterator[tuple[int, list[str]]], width: int, on_bad_row: OnBadRow, lines: _Lines
) -> Iterator[tuple[int, list[str]]]:
    blank: list[int] = []
    for line, row in rows:
        if len(row) == width:
            # In a file of one column, Excel writes a blank line for an empty cell.
            yield from ((each, [""]) for each in blank)
            blank.clear()
            yield line, row
        elif row:
            on_bad_row(f"line {line}", f"{len(row)} field(s), but the header names {width}")
        elif width == 1 and lines.last != lines.end:  # a blank line, or a row
            on_bad_row(f"line {line}", _OTHER_BREAK)
        elif width == 1:
            blank.append(line)


def parse_jsonl(
    lines: Iterable[str], on_bad_row: OnBadRow
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Parses a file with one JSON object a line; blank lines are skipped.

    Args:
        lines: its lines, which end at ``\\n`` alone: texts may hold other separators.
        on_bad_row: called for a line that is not JSON, not an object, or has a key twice.

    Returns:
        Each object with its 1-based line. NaN is None.
    """
    for number, line in enumerate(lines, start=1):
        content = line.strip("\ufeff \t\r\n")  # a joined file has byte order marks inside
        if not content:
            continue
        try:
            row = json.loads(
                content, object_pairs_hook=_each_key_once, parse_constant=_CONSTANTS.get
            )
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
