"""Tables as pandas, Excel and datasets write them: all rows are read, or refused; never fewer."""

import csv
from pathlib import Path
from typing import Any

import pandas as pd
from datasets import Dataset
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pkd.errors import InputError
from pkd.files.columns import read_columns
from pkd.files.row_parsers import Quoting
from pkd.files.row_reader import open_rows

Table = dict[str, list[Any]]

# Line breaks, blanks, delimiters, quotes, and what Python or Unicode take for an end of line.
PIECES = ["a", "bc", "1.0", "é", "語", '"', '""', "'", ",", ";", "\t", "|", "\\", " ", "\xa0"]
BREAKS = ["\n", "\r", "\r\n", "\u2028", "\x85", "\x0b", "\x0c", "\x1c"]
TEXTS = st.lists(st.sampled_from(PIECES + BREAKS), max_size=6).map("".join)
PLAIN_TEXTS = st.lists(st.sampled_from([*PIECES[:4], '"', " "]), max_size=5).map("".join)
NAMES = ["text", "label", "note"]
DELIMITERS = {".csv": ",", ".tsv": "\t"}

quick = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def tables(draw: st.DrawFn, cells: st.SearchStrategy[Any]) -> Table:
    columns, rows = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    column = st.lists(cells, min_size=rows, max_size=rows)
    return {name: draw(column) for name in NAMES[:columns]}


TEXT_TABLES = st.one_of(tables(TEXTS), tables(PLAIN_TEXTS))
NULL_TABLES = tables(st.one_of(TEXTS, st.none()))


def whole(path: Path, names: list[str], quoting: Quoting) -> list[list[Any]] | None:
    """Returns the rows that `read_columns` reads; None if it refuses the file."""
    try:
        columns = read_columns(path, names, quoting=quoting)
    except InputError:
        return None
    return [list(row) for row in zip(*columns.values(), strict=True)]


def streamed(path: Path, names: list[str], quoting: Quoting) -> tuple[list[list[Any]], int] | None:
    """Returns the rows that `open_rows` reads and how many it reports; None if it refuses."""
    bad: list[str] = []
    try:
        with open_rows(path, names, lambda place, _: bad.append(place), quoting) as opened:
            rows = [row for chunk in opened.chunks for row in chunk.rows]
    except InputError:
        return None
    return [[row.get(name) for name in names] for row in rows], len(bad)


def in_order(some: list[Any], rows: list[Any]) -> bool:
    remaining = iter(rows)
    return all(row in remaining for row in some)


def check(path: Path, table: Table, quoting: Quoting = "double", end: str = "") -> bool:
    """Compares both readers with what was written; returns whether they read it all."""
    names = list(table)
    written = trimmed([list(row) for row in zip(*table.values(), strict=True)], end)
    at_once, by_chunks = whole(path, names, quoting), streamed(path, names, quoting)
    assert at_once is None or trimmed(at_once, end) == written
    if by_chunks is None:
        assert at_once is None
        return False
    rows, bad = trimmed(by_chunks[0], end), by_chunks[1]
    assert in_order(rows, written)
    assert (at_once is None) == (bad > 0)
    assert bad or rows == written
    return not bad


def trimmed(rows: list[list[Any]], end: str) -> list[list[Any]]:
    r"""Drops line breaks from the ends of rows that end with \n or \r.

    Python below 3.13 does not quote the other one, so that it looks like a part of the end.
    """
    if end in ("", "\r\n"):
        return rows
    return [[*row[:-1], row[-1].rstrip("\r\n")] for row in rows]


def writable(table: Table, end: str) -> Table:
    r"""Replaces \n where rows end with \r: unquoted, the two together look like \r\n."""
    if end != "\r":
        return table
    return {name: [text.replace("\n", "\r\n") for text in table[name]] for name in table}


@quick
@given(
    table=TEXT_TABLES,
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    delimiter=st.sampled_from(",;\t|"),
    suffix=st.sampled_from(list(DELIMITERS)),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"]),
    index=st.booleans(),
)
def test_csv_of_pandas(
    tmp_path: Path, table: Table, quoting: int, delimiter: str, suffix: str, end: str,
    encoding: str, index: bool,
) -> None:  # fmt: skip
    path, table = tmp_path / f"rows{suffix}", writable(table, end)
    try:
        pd.DataFrame(table).to_csv(
            path, sep=delimiter, quoting=quoting, lineterminator=end, encoding=encoding,
            index=index,
        )  # fmt: skip
    except UnicodeEncodeError:
        assume(False)
    read = check(path, table, end=end)
    if delimiter != DELIMITERS[suffix] and (index or len(table) > 1) or encoding == "utf-16":
        assert not read


@quick
@given(
    table=TEXT_TABLES,
    delimiter=st.sampled_from(",\t"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
)
def test_csv_of_pandas_without_quotes(
    tmp_path: Path, table: Table, delimiter: str, end: str, encoding: str
) -> None:
    path = tmp_path / ("rows.csv" if delimiter == "," else "rows.tsv")
    table = writable(table, end)
    try:
        pd.DataFrame(table).to_csv(
            path, sep=delimiter, quoting=csv.QUOTE_NONE, lineterminator=end, encoding=encoding,
            index=False,
        )  # fmt: skip
    except csv.Error:  # a field cannot be written without quotes
        assume(False)
    check(path, table, "none", end)
    # Read with quotes, its texts may lose them; rows are refused or as many as were written.
    rows = whole(path, list(table), "double")
    assert rows is None or len(rows) == len(table["text"])


@quick
@given(
    table=NULL_TABLES,
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    na=st.sampled_from(["", "NA", "nan"]),
)
def test_nulls_and_numbers_of_pandas(tmp_path: Path, table: Table, quoting: int, na: str) -> None:
    path, rows = tmp_path / "rows.csv", len(table["text"])
    frame = pd.DataFrame(table).assign(number=[None, *range(1, rows)])  # floats: 1.0, 2.0, …
    frame.to_csv(path, quoting=quoting, na_rep=na, index=False, lineterminator="\r\n")
    expected = {
        name: [na if value is None else value for value in column]
        for name, column in table.items()
    }
    numbers = [na, *(f"{float(row)}" for row in range(1, rows))]
    check(path, expected | {"number": numbers})


@quick
@given(
    table=TEXT_TABLES,
    dialect=st.sampled_from(
        [("utf-8-sig", ",", "\r\n"), ("utf-8-sig", ";", "\r\n"), ("utf-8", ",", "\r"),
         ("utf-16", "\t", "\r\n")]
    ),
)  # fmt: skip
def test_csv_of_excel(tmp_path: Path, table: Table, dialect: tuple[str, str, str]) -> None:
    """CSV UTF-8, the same with a decimal comma, CSV (Macintosh), Unicode Text."""
    encoding, delimiter, end = dialect
    path = tmp_path / ("rows.tsv" if delimiter == "\t" else "rows.csv")
    table = writable(table, end)
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    read = check(path, table, end=end)
    assert not (read and (encoding == "utf-16" or delimiter == ";" and len(table) > 1))


@quick
@given(table=NULL_TABLES, kind=st.sampled_from([".csv", ".jsonl", ".parquet"]))
def test_files_of_datasets(tmp_path: Path, table: Table, kind: str) -> None:
    path = tmp_path / f"rows{kind}"
    data = Dataset.from_dict(table | {"number": [1.5] * len(table["text"])})
    if kind == ".csv":
        data.to_csv(path)
        blank = {name: [value or "" for value in column] for name, column in table.items()}
        check(path, blank | {"number": ["1.5"] * len(data)}, end="\n")
        return
    data.to_json(path) if kind == ".jsonl" else data.to_parquet(path)
    assert check(path, table)


@quick
@given(table=NULL_TABLES, orient=st.sampled_from(["lines", "records", "columns", "split"]))
def test_json_of_pandas(tmp_path: Path, table: Table, orient: str) -> None:
    path, frame = tmp_path / "rows.jsonl", pd.DataFrame(table)
    if orient == "lines":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_json(path, orient=orient)  # type: ignore[call-overload]  # stubs want a literal
    if orient == "lines":
        assert check(path, table)
    elif orient != "columns":  # one object of columns looks like one row whose text is an object
        assert whole(path, list(table), "double") is None
        assert streamed(path, list(table), "double") is None


@quick
@given(table=NULL_TABLES)
def test_parquet_of_pandas(tmp_path: Path, table: Table) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame(table).assign(number=float("nan")).to_parquet(path)
    assert check(path, table)
    assert read_columns(path, ["number"]) == {"number": [None] * len(table["text"])}
