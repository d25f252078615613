"""Only regular files are read: a pipe would block, and a folder is not a file."""

import os
from pathlib import Path

import pytest

from pkd.errors import InputError
from pkd.files.columns import read_columns
from pkd.files.row_reader import open_rows
from pkd.files.text_file import open_lines


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (os.mkfifo, "it is a pipe or a device; save its content as a file first"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a pipe or a device"),
        (os.mkdir, "it is a folder; name a file"),
        (lambda path: None, "No such file or directory"),
    ],
    ids=["pipe", "device", "folder", "none"],
)
def test_what_is_not_a_regular_file_is_refused_by_both_readers(
    tmp_path: Path, suffix: str, make, message: str
) -> None:
    path = tmp_path / f"own{suffix}"
    make(path)
    with pytest.raises(InputError, match=rf"cannot read .*own{suffix}: {message}"):
        read_columns(path, ["text"])
    with (
        pytest.raises(InputError, match=rf"cannot read .*own{suffix}: {message}"),
        open_rows(path, ["text"], print),
    ):
        pass


def test_a_link_to_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("text\na\n")
    (tmp_path / "own.csv").symlink_to("data")
    assert read_columns(tmp_path / "own.csv", None) == {"text": ["a"]}


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"a\rb\nc\r", ["a\r", "b\nc\r"]),
        (b"a\nb\rc\n", ["a\n", "b\rc\n"]),
        (b"a\r\nb\rc\n", ["a\r\n", "b\rc\n"]),
        (b"\xef\xbb\xbfa\n\xff", ["a\n", "\udcff"]),
        (b"x" * (1 << 16) + b"\r\nb\r", ["x" * (1 << 16) + "\r\n", "b\r"]),
        (b"x" * ((1 << 16) - 1) + b"\r\nb\r", ["x" * ((1 << 16) - 1) + "\r\n", "b\r"]),
        (b"", []),
    ],
)
def test_lines_end_as_the_first_one_does(tmp_path: Path, content: bytes, lines: list[str]) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(content)
    with path.open("rb") as file:
        assert list(open_lines(path, file)) == lines
