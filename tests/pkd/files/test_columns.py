"""Reading columns of data files: errors name the file, the line and how to write it right."""

from pathlib import Path

import pytest

from pkd.errors import InputError
from pkd.files.columns import read_columns


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "own.csv",
            "text,label\na,0\nb\n",
            "own.csv, line 3: 1 field(s), but the header names 2.",
        ),
        ("own.csv", 'text,label\n"a"x,0\n', "own.csv, line 2: ',' expected after '\"'. A field"),
        ("own.tsv", 'text\n"a\nb\n', "own.tsv, line 2: unexpected end of data, read up to line 3"),
        ("own.csv", '"text\na\n', "own.csv, line 1: unexpected end of data, read up to line 2"),
        (
            "own.jsonl",
            '{"text": 1\n',
            "own.jsonl, line 1: it is not JSON: Expecting ',' delimiter",
        ),
        (
            "own.jsonl",
            "[1]\n",
            'must hold one object. Each line must hold one object, e.g. {"text',
        ),
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


def test_all_columns_or_some_of_them_are_read(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"a": 1, "b": 2}\n{"b": 3, "c": 4}\n')
    assert read_columns(path, None) == {"a": [1, None], "b": [2, 3], "c": [None, 4]}
    assert read_columns(path, ["b"], ["c", "d"]) == {"b": [2, 3], "c": [None, 4]}
