"""Reading columns of data files: errors name the file, the line and how to write it right."""

import math
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from pkd.errors import InputError
from pkd.files.columns import read_columns
from pkd.files.row_parsers import Quoting


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "own.csv",
            "text,label\na,0\nb\n",
            "own.csv, line 3: 1 field(s), but the header names 2.",
        ),
        (
            "own.csv",
            'text,label\n"a"x,0\n',
            "own.csv, line 2: text follows a closing quote. A field",
        ),
        (
            "own.tsv",
            'text\tn\n"a\nb\n',
            "own.tsv, line 2: a quote is never closed, read up to line 3",
        ),
        ("own.csv", 'n,"text\na\n', "own.csv, line 1: a quote is never closed, read up to line 2"),
        (
            "own.jsonl",
            '{"text": 1\n',
            "own.jsonl, line 1: it is not JSON: Expecting ',' delimiter",
        ),
        (
            "own.jsonl",
            '[{"text": "a"}]\n',
            "it holds [{'text': 'a'}], but must hold one object. Each line must hold one object, "
            "as pandas writes with to_json('new.jsonl', orient='records', lines=True)",
        ),
        ("own.jsonl", '[\n{"text": "a"}\n]', "own.jsonl, line 1: it is not JSON"),
        ("own.json", '{"text": "a"}\n', "'.json'; use .csv, .tsv, .jsonl, .parquet; if each line"),
        ("own.csv.gz", "", "unknown file type '.gz'; use .csv, .tsv, .jsonl, .parquet; unpack it"),
        ("own.csv", "Text,n\na,1\n", "no column 'text'; it has Text, n; did you mean 'Text'?"),
        (
            "own.csv",
            "text;n\na;1\n",
            "';' would separate 2 columns, but in a .csv file ',' does: convert",
        ),
        ("own.csv", "text\tn\na\t1\n", "does: rename it to .tsv"),
        ("own.tsv", "text,n\na,1\n", "does: rename it to .csv"),
        ("own.csv", '"text";"n"\n"a";"1"\n', "text follows a closing quote; ';' would separate 2"),
        ("own.csv", "id,nr|text|n\n1,2|a|1\n", "'|' would separate 3 columns"),
        ("own.jsonl", "[" * 10**5, "own.jsonl, line 1: it is nested too deeply"),
    ],
)
def test_the_first_bad_row_is_an_error_with_advice(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError) as caught:
        read_columns(tmp_path / name, ["text"])
    assert message in str(caught.value)


def test_a_single_column_is_refused_where_all_are_asked_for_and_it_looks_like_several(
    tmp_path: Path,
) -> None:
    path = tmp_path / "own.csv"
    path.write_text("text;label\na;1\n")
    for needed in (None, []):
        with pytest.raises(InputError, match="has a single column, text;label; ';' would separ"):
            read_columns(path, needed)
    assert read_columns(path, ["text;label"]) == {"text;label": ["a;1"]}


def test_nulls_of_every_type_are_none_and_booleans_stay_booleans(tmp_path: Path) -> None:
    rows = '{"text": "a", "label": true}\n{"text": null, "label": false}\n{"label": NaN}\n'
    (tmp_path / "own.jsonl").write_text(rows)
    expected = {"text": ["a", None, None], "label": [True, False, None]}
    assert read_columns(tmp_path / "own.jsonl", ["text", "label"]) == expected
    texts = ["a", None, None]
    columns: dict[str, pa.Array] = {
        "text": pa.array(texts),
        "large": pa.array(texts, pa.large_string()),
        "view": pa.array(texts, pa.string_view()),
        "categories": pa.array(texts).dictionary_encode(),
        "label": pa.array([True, False, None]),
        "small": pa.array([0, 1, None], pa.int8()),
        "floats": pa.array([0.0, 1.0, math.nan]),
    }
    parquet.write_table(pa.table(columns), tmp_path / "own.parquet")
    read = read_columns(tmp_path / "own.parquet", None)
    assert all(read[name] == texts for name in ("text", "large", "view", "categories"))
    assert read["label"] == [True, False, None] and read["label"][0] is True
    assert read["small"] == read["floats"] == [0, 1, None]


def test_a_parquet_file_has_no_columns_of_its_folders(tmp_path: Path) -> None:
    folder = tmp_path / "label=1"
    folder.mkdir()
    parquet.write_table(pa.table({"text": ["a"]}), folder / "own.parquet")
    assert read_columns(folder / "own.parquet", None) == {"text": ["a"]}


def test_without_quoting_a_quote_is_an_ordinary_character(tmp_path: Path) -> None:
    path = tmp_path / "own.tsv"
    path.write_text('text\tn\r\n"a\t1\r\n\r\nb\rc\t2\r\n"d" e"\t3', newline="")
    read = read_columns(path, ["text", "n"], quoting="none")
    assert read == {"text": ['"a', "b\rc", '"d" e"'], "n": ["1", "2", "3"]}
    path.write_text("text\tn\na\tb\tc\n")
    with pytest.raises(InputError, match=r"line 2: 3 field\(s\).*With quoting set to none"):
        read_columns(path, ["text"], quoting="none")


@pytest.mark.parametrize("quoting", ["double", "none"])
def test_a_line_that_is_blank_or_a_row_of_one_column_is_refused(
    tmp_path: Path, quoting: Quoting
) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(b"text\na\n\r\nb\n")
    with pytest.raises(InputError, match=r"own\.csv, line 3: a field without quotes holds a line"):
        read_columns(path, ["text"], quoting=quoting)


@pytest.mark.parametrize("quoting", ["double", "none"])
def test_a_blank_line_is_a_row_where_there_is_one_column(tmp_path: Path, quoting: Quoting) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(b"text\r\na\r\n\r\n\r\nb\r\n\r\n")
    assert read_columns(path, ["text"], quoting=quoting) == {"text": ["a", "", "", "b"]}


def test_all_columns_or_some_of_them_are_read(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"a": 1, "b": 2}\n{"b": 3, "c": 4}\n')
    assert read_columns(path, None) == {"a": [1, None], "b": [2, 3], "c": [None, 4]}
    assert read_columns(path, ["b"], ["c", "d"]) == {"b": [2, 3], "c": [None, 4]}
