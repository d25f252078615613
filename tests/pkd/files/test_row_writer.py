"""What is written can be read again."""

from pathlib import Path

import pytest

from pkd.files.columns import read_columns
from pkd.files.row_reader import Chunk
from pkd.files.row_writer import open_writer

TEXTS = ["a\rb", "a\r", "\r", "a\nb", '"', "a\tb, c", "", "\u2028 \x85"]


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_texts_with_line_breaks_are_read_as_they_were(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"rows{kind}"
    chunk = Chunk([{"text": text} for text in TEXTS], [""] * len(TEXTS), 0)
    added = [{"prediction": "bad", "probability": 0.5}] * len(TEXTS)
    with open_writer(path, kind, ["text", "prediction", "probability"]) as write:
        write(chunk, added)
    assert read_columns(path, ["text"]) == {"text": TEXTS}
