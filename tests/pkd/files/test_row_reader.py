"""Rows that are read a chunk at a time equal the columns that are read at once."""

from pathlib import Path

import pytest

from pkd.files import row_reader
from pkd.files.columns import read_columns
from pkd.files.row_reader import Row, open_rows
from tests.support.training.row_files import write_rows

FILES = {
    "csv": '\ufefftext,n\r\na,1\r\n\r\n"two\nlines, and ""quotes""",2\r\nü,3',
    "tsv": "text\tn\na\t1\n\nb, c\t2\n",
    "jsonl": '\ufeff{"text": "a\u2028b", "n": 1}\r\n\n{"n": null, "text": "ü"}',
}
OLD_MAC = "text,n\ra,1\rb,2\r"


def read(path: Path) -> tuple[list[Row], list[str], list[str]]:
    """Returns the rows of a file, their places, and the bad rows."""
    bad: list[str] = []
    with open_rows(path, ["text"], lambda place, problem: bad.append(f"{place}: {problem}")) as it:
        chunks = list(it.chunks)
        assert chunks[-1].done == it.total == path.stat().st_size
    rows = [row for chunk in chunks for row in chunk.rows]
    return rows, [place for chunk in chunks for place in chunk.places], bad


@pytest.mark.parametrize(
    ("suffix", "content", "places"),
    [
        ("csv", FILES["csv"], ["line 2", "line 4", "line 6"]),
        ("csv", OLD_MAC, ["line 2", "line 3"]),
        ("tsv", FILES["tsv"], ["line 2", "line 4"]),
        ("jsonl", FILES["jsonl"], ["line 1", "line 3"]),
    ],
)
def test_both_readers_read_the_same_rows(
    tmp_path: Path, suffix: str, content: str, places: list[str]
) -> None:
    path = tmp_path / f"own.{suffix}"
    path.write_bytes(content.encode())
    rows, found, bad = read(path)
    columns = read_columns(path, None)
    assert {name: [row[name] for row in rows] for name in columns} == columns
    assert (found, bad) == (places, [])


def test_byte_order_marks_of_joined_files_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('\ufeff{"text": "a"}\n\ufeff{"text": "b"}\n', encoding="utf-8")
    assert read(path) == ([{"text": "a"}, {"text": "b"}], ["line 1", "line 2"], [])


def test_a_bad_row_of_several_lines_is_reported_with_both_lines(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text('text,n\n"a\nb"c,1\nd,2\n')
    rows, _, bad = read(path)
    assert rows == [{"text": "d", "n": "2"}]
    assert bad == ["line 2: ',' expected after '\"', read up to line 3"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_large_file_is_read_in_chunks(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / f"rows{suffix}"
    write_rows(source, [{"text": "the cat " * 8}] * 40_000)
    with open_rows(source, ["text"], lambda place, problem: None) as opened:
        first = next(opened.chunks)
        assert len(first.rows) == row_reader.CHUNK and first.done < opened.total / 5
        assert sum(len(chunk.rows) for chunk in opened.chunks) == 40_000 - row_reader.CHUNK


def test_a_quote_that_is_never_closed_does_not_swallow_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_reader, "_LONGEST_FIELD", 1000)
    source, bad = tmp_path / "rows.csv", list[str]()
    source.write_text('text\n"open\n' + "a b c d e f g h\n" * 1000)
    with open_rows(
        source, ["text"], lambda place, problem: bad.append(f"{place}: {problem}")
    ) as opened:
        rows = [row for chunk in opened.chunks for row in chunk.rows]
    assert len(bad) == 1 and bad[0].startswith("line 2: field larger than field limit (1000)")
    assert len(rows) > 900 and set(rows[0]) == {"text"}
