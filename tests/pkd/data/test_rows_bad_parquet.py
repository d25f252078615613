"""Parquet files that are unusual or wrong, and files of any bytes: read, or refused."""

import datetime
import io
import json
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.training.one_split import SPLITS, Expected, check, outcome

AB = ["a", "b"]
ROW = "(first row is 0)"


def parquet(**columns: Any) -> bytes:
    """Returns a file of two rows with changed columns; None leaves out a column."""
    columns = {"text": AB, "label": [0, 1]} | columns
    return written(pa.table({name: each for name, each in columns.items() if each is not None}))


def written(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def column(values: list, kind: Any) -> pa.Array:
    return pa.array(values, kind)


NOT_UTF8 = pa.Array.from_buffers(
    pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xe9")]
)
YEAR_300000 = pa.array([10**16, 0], pa.timestamp("ms"))
COLUMNS: dict[str, tuple[bytes, Expected]] = {
    "good": (parquet(), AB),
    "names": (parquet(label=["bad", "good"]), AB),
    "categories": (parquet(label=pa.array(["bad", "good"]).dictionary_encode()), AB),
    "text categories": (parquet(text=pa.array(AB).dictionary_encode()), AB),
    "large texts": (parquet(text=column(AB, pa.large_string())), AB),
    "text views": (parquet(text=column(AB, pa.string_view())), AB),
    "bytes of labels": (parquet(label=column([0, 1], pa.uint8())), AB),
    "whole fractions": (parquet(label=[0.0, 1.0]), AB),
    "half fractions": (parquet(label=column([0, 1], pa.float32())), AB),
    "row ids": (parquet(idx=column([7, -2], pa.int32())), AB),
    "a million characters": (parquet(text=["a" * 10**6, "b"]), ["a" * 10**6, "b"]),
    "NUL": (parquet(text=["a\0", "b"]), ["a\0", "b"]),
    "nested elsewhere": (parquet(x=[{"y": [1]}, None]), AB),
    "dates elsewhere": (parquet(x=YEAR_300000), AB),
    "empty": (written(pa.table({"text": column([], pa.string()), "label": column([], pa.int8())})),
              "is empty"),
    "no text": (parquet(text=None), "no column 'text'; it has label"),
    "no label": (parquet(label=None), "no column 'label'; it has text"),
    "no columns": (parquet(text=None, label=None), "no column 'text'"),
    "doubled text": (written(pa.table([AB, AB, [0, 1]], names=["text", "text", "label"])),
                     "2 columns 'text'"),
    "doubled label": (written(pa.table([AB, [0, 1], [0, 1]], names=["text", "label", "label"])),
                      "2 columns 'label'"),
    "not UTF-8": (parquet(text=NOT_UTF8), "Invalid UTF8"),
    "bytes": (parquet(text=[b"a", b"b"]), f"row 0 {ROW}: column 'text' holds b'a'"),
    "numbers": (parquet(text=[1, 2]), f"row 0 {ROW}: column 'text' holds 1"),
    "dates": (parquet(text=[datetime.date(2020, 1, 1)] * 2), f"row 0 {ROW}: column"),
    "dates beyond Python's": (parquet(text=YEAR_300000), "cannot read"),
    "lists": (parquet(text=[["a"], ["b"]]), f"row 0 {ROW}: column 'text' holds ['a']"),
    "structures": (parquet(text=[{"a": 1}] * 2), f"row 0 {ROW}: column 'text' holds {{'a': 1}}"),
    "null text": (parquet(text=["a", None]), ["a", ""]),
    "nulls only": (parquet(text=[None, None]), "2 of 2 rows have no text in text, the first is"),
    "null label": (parquet(label=[0, None]), f"row 1 {ROW}: label None"),
    "NaN label": (parquet(label=[0, float("nan")]), f"row 1 {ROW}: label None"),
    "fractional label": (parquet(label=[0.5, 1]), f"row 0 {ROW}: label 0.5"),
    "boolean label": (parquet(label=[True, False]), f"row 0 {ROW}: label True"),
    "list label": (parquet(label=[[0], [1]]), f"row 0 {ROW}: label [0]"),
    "structure label": (parquet(label=[{"a": 1}] * 2), f"row 0 {ROW}: label {{'a': 1}}"),
    "bytes label": (parquet(label=[b"bad", b"good"]), f"row 0 {ROW}: label b'bad'"),
    "date label": (parquet(label=[datetime.date(2020, 1, 1)] * 2), f"row 0 {ROW}: label da"),
    "date label beyond Python's": (parquet(label=YEAR_300000), "cannot read"),
    "unseen label": (parquet(label=["bad", "worse"]), f"row 1 {ROW}: label 'worse'"),
    "code too large": (parquet(label=[0, 2]), f"row 1 {ROW}: label 2"),
    "negative code": (parquet(label=[-1, 1]), f"row 0 {ROW}: label -1"),
    "one label": (parquet(label=["good", "good"]), "all rows have the label 'good'"),
    "idx text": (parquet(idx=["x", "y"]), f"row 0 {ROW}: column 'idx' holds 'x'"),
    "idx null": (parquet(idx=[1, None]), f"row 1 {ROW}: column 'idx' holds None"),
    "idx fractional": (parquet(idx=[1.0, 2.0]), f"row 0 {ROW}: column 'idx' holds 1.0"),
    "idx doubled": (parquet(idx=[4, 4]), f"row 1 {ROW}: column 'idx' holds 4, as row 0 does"),
    "idx beyond 63 bits": (parquet(idx=column([2**64 - 1, 0], pa.uint64())), f"row 0 {ROW}: "),
    "no parquet": (b"text,label\na,bad\nb,good\n", "cannot read"),
    "no bytes": (b"", "cannot read"),
    "NULs": (bytes(1000), "cannot read"),
    "magic only": (b"PAR1PAR1", "cannot read"),
}  # fmt: skip


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("case", COLUMNS)
def test_a_parquet_file(folder: Path, case: str, split: str) -> None:
    content, expected = COLUMNS[case]
    check(folder, "case.parquet", content, split, expected)


@pytest.mark.parametrize("kept", range(5, 100, 5))
def test_a_parquet_file_that_is_cut_off(folder: Path, kept: int) -> None:
    content = parquet()
    content = content[: len(content) * kept // 100]
    check(folder, "case.parquet", content, "train", "cannot read")


@pytest.mark.parametrize("seed", range(200))
def test_a_parquet_file_with_flipped_bytes(folder: Path, seed: int) -> None:
    rng, content = Random(seed), bytearray(parquet(idx=[1, 2]))
    for _ in range(rng.choice((1, 3))):
        content[rng.randrange(len(content))] = rng.randrange(256)
    found = outcome(folder, "case.parquet", bytes(content), "train")
    assert isinstance(found, list) or "case.parquet" in found


ANY_FILE = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
FIELDS = st.sampled_from(
    ["a", "bad", "good", "0", "", '"', '""', "\n", "\r", ",", "\t", "é", "\0"]
)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
@ANY_FILE
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(folder: Path, suffix: str, content: bytes) -> None:
    found = outcome(folder, f"case.{suffix}", content, "train")
    assert isinstance(found, list) or f"case.{suffix}" in found


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
@ANY_FILE
@given(st.lists(FIELDS, max_size=30))
def test_any_fields_are_read_or_refused(folder: Path, suffix: str, fields: list[str]) -> None:
    delimiter = "," if suffix == "csv" else "\t"
    content = f"text{delimiter}label\na{delimiter}0\nb{delimiter}1\n" + delimiter.join(fields)
    found = outcome(folder, f"case.{suffix}", content.encode(), "dev")
    assert found[:2] == AB if isinstance(found, list) else f"case.{suffix}" in found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=8,
)


@ANY_FILE
@given(st.lists(JSON | st.fixed_dictionaries({"text": JSON, "label": JSON}), max_size=3))
def test_any_json_is_read_or_refused(folder: Path, rows: list) -> None:
    content = "\n".join(json.dumps(row) for row in rows).encode()
    found = outcome(folder, "case.jsonl", content, "train")
    assert isinstance(found, list) or "case.jsonl" in found
