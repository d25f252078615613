"""Rows that are read a chunk at a time equal the columns that are read at once."""

from pathlib import Path

import pytest

from pkd.errors import InputError
from pkd.files import row_reader
from pkd.files.columns import read_columns
from pkd.files.row_reader import Row, open_rows
from tests.support.training.row_files import write_rows

FILES = {
    "csv": '\ufefftext,n\r\na,1\r\n\r\n"two\nlines, and ""quotes""",2\r\nü,3',
    "tsv": "text\tn\na\t1\n\nb, c\t2\n",
    "jsonl": '\ufeff{"text": "a\u2028b", "n": 1}\r\n\n{"n": null, "text": "ü"}',
}
SWALLOWED = 'text\tn\n"Bond\t1\na film\t2\na plot\t3\na 27"\t4\nlast\t5\n'
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
    assert bad == ["line 2: text follows a closing quote, read up to line 3"]


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
    # The last row shows that the file uses quotes.
    source.write_text('text\n"open\n' + "a b c d e f g h\n" * 1000 + '"a, b"\n')
    with open_rows(
        source, ["text"], lambda place, problem: bad.append(f"{place}: {problem}")
    ) as opened:
        rows = [row for chunk in opened.chunks for row in chunk.rows]
    assert len(bad) == 1 and bad[0].startswith("line 2: field larger than field limit (1000)")
    assert len(rows) > 900 and set(rows[0]) == {"text"}


def test_a_quote_that_joins_rows_is_refused_before_any_row_is_given(tmp_path: Path) -> None:
    source = tmp_path / "rows.tsv"
    source.write_text(SWALLOWED)
    with pytest.raises(InputError, match=r"rows\.tsv, line 2: a quoted field runs on to line 5"):
        read(source)
    with open_rows(source, ["text"], lambda place, problem: None, "none") as opened:
        rows = [row for chunk in opened.chunks for row in chunk.rows]
    assert [row["text"] for row in rows] == ['"Bond', "a film", "a plot", 'a 27"', "last"]


def test_rows_that_hold_a_nul_are_reported(tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_bytes(b"text\na\nb\0c\nd\n")
    rows, _, bad = read(source)
    assert rows == [{"text": "a"}, {"text": "d"}]
    assert bad == ["line 3: it holds a NUL, which is not text"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_utf16_is_refused(tmp_path: Path, encoding: str) -> None:
    source = tmp_path / "rows.tsv"
    source.write_text("text\tn\na\t1\n", encoding=encoding)
    with pytest.raises(InputError, match="is not UTF-8"):
        read(source)


def test_a_column_that_the_file_lacks_is_refused_with_the_nearest_or_a_delimiter(
    tmp_path: Path,
) -> None:
    for name, content, message in [
        ("a.csv", "Text,n\na,1\n", "did you mean 'Text'"),
        ("b.csv", "text;n\na;1\n", "';' would separate 2 columns"),
        ("empty.csv", "", "has no column 'text'; it has none$"),
        ("c.jsonl", '{"texts": "a"}\n', "did you mean 'texts'"),
        ("d.jsonl", "[1]\n", "d.jsonl has no row. Each line must hold one object"),
    ]:
        (tmp_path / name).write_text(content)
        with pytest.raises(InputError, match=message):
            read(tmp_path / name)
