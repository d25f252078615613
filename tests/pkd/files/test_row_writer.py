"""What is written can be read again."""

from pathlib import Path

import pytest

from pkd.files.columns import read_columns
from pkd.files.row_reader import Chunk
from pkd.files.row_writer import open_writer

# The last ones are formulas to a spreadsheet and escapes to a terminal: data stay as they are.
HOSTILE = ["=1+1", "+1", "-1", "@a", "'=1", "\x1b[31ma", "a\u202eb"]
TEXTS = ["a\rb", "a\r", "\r", "a\nb", '"', "a\tb, c", "", "\u2028 \x85", *HOSTILE]


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_texts_are_read_as_they_were(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"rows{kind}"
    chunk = Chunk([{"text": text} for text in TEXTS], [""] * len(TEXTS), 0)
    added = [{"prediction": text, "probability": 0.5} for text in TEXTS]
    with open_writer(path, kind, ["text", "prediction", "probability"]) as write:
        write(chunk, added)
    columns = ["text", "prediction"]
    assert read_columns(path, columns) == dict.fromkeys(columns, TEXTS)
