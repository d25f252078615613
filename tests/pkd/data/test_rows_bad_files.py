"""CSV, TSV and JSONL files that are unusual or wrong: read, or refused with the file and place.

Each case is the content of one split's file, see `one_split`.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.training.one_split import SPLITS, Expected, check

AB = ["a", "b"]


# CSV and TSV, which has a tab for each comma -----------------------------------------------------

HEAD = "text,label\n"
TABLES: dict[str, tuple[str | bytes, Expected]] = {
    "good": (HEAD + "a,bad\nb,good\n", AB),
    "byte order mark": ("\ufeff" + HEAD + "a,bad\nb,good\n", AB),
    "windows line ends": ("text,label\r\na,bad\r\nb,good\r\n", AB),
    "old mac line ends": ("text,label\ra,bad\rb,good\r", AB),
    "no last line end": (HEAD + "a,bad\nb,good", AB),
    "blank lines": ("\n" + HEAD + "\na,bad\n\n\nb,good\n\n", AB),
    "an empty text": (HEAD + ",bad\nb,good\n", ["", "b"]),
    "a blank text": (HEAD + " \u00a0,bad\nb,good\n", ["", "b"]),
    "empty texts": (HEAD + ",bad\n  ,good\n", "2 of 2 rows have no text in text, the first is ro"),
    "quotes": (HEAD + '"a ""b""",bad\n"c\nd",good\n', ['a "b"', "c\nd"]),
    "a quote inside": (HEAD + 'a "b" c,bad\nb,good\n', ['a "b" c', "b"]),
    "NUL": (HEAD + "a,bad\nb\0c,good\n", "line 3 holds a NUL"),
    "a million characters": (HEAD + "a" * 10**6 + ",bad\nb,good\n", ["a" * 10**6, "b"]),
    "five million": (HEAD + "a,bad\n" + "b" * 5 * 10**6 + ",good\n", ["a", "b" * 5 * 10**6]),
    "codes": (HEAD + "a,0\nb,1\n", AB),
    "other columns": ("x,text,y,label\n1,a,2,bad\n,b,,good\n", AB),
    "doubled other column": ("text,x,x,label\na,1,2,bad\nb,3,4,good\n", AB),
    "row ids": ("text,label,idx\na,bad,7\nb,good,-3\n", AB),
    "latin-1 text": ((HEAD + "a,bad\né,good\n").encode("latin-1"), "line 3: byte 0xe9"),
    "latin-1 label": ((HEAD + "a,béd\nb,good\n").encode("latin-1"), "line 2: byte 0xe9"),
    "latin-1 name": ("text,label,é\na,bad,1\nb,good,2\n".encode("latin-1"), "line 1: byte 0xe9"),
    "latin-1 elsewhere": ("text,label,x\na,bad,é\n".encode("latin-1"), "line 2: byte 0xe9"),
    "utf-16": ((HEAD + "a,bad\nb,good\n").encode("utf-16"), "line 1: byte 0xff"),
    "utf-16 without mark": ((HEAD + "a,bad\nb,good\n").encode("utf-16-le"), "line 1 holds a NUL"),
    "utf-32": ((HEAD + "a,bad\nb,good\n").encode("utf-32"), "line 1: byte 0xff"),
    "binary": (bytes(range(256)), "is not UTF-8"),
    "NULs only": (bytes(500), "line 1 holds a NUL"),
    "empty": ("", "is empty"),
    "blank": (" \n\t\n\n", "is empty"),
    "header only": (HEAD, "is empty"),
    "open quote in the first column": (HEAD + 'a,bad\n"b,good\nc,bad\n',
                                       "line 3: a quoted field"),
    "open quote in the last column": ('label,text\nbad,a\ngood,"b\nbad,c\n',
                                      "line 3: a quoted field"),
    "open quote at the end": ('label,text\nbad,a\ngood,"', "line 3: a quote is never closed"),
    "open quote in the header": ('text,"label\na,bad\nb,good\n', "line 1: a quoted field runs on"),
    "text after a quote": (HEAD + '"a"x,bad\nb,good\n', "line 2: "),
    "one field too many": (HEAD + "a,bad\nb,good,c\n", "line 3: 3 field(s)"),
    "one field too few": (HEAD + "a,bad\nb\n", "line 3: 1 field(s)"),
    "ragged after line breaks": (HEAD + '"a\n\na",bad\nb\n', "line 5: 1 field(s)"),
    "no header": ("a,bad\nb,good\n", "no column 'text'; it has a, bad"),
    "no label": ("text\na\nb\n", "no column 'label'; it has text"),
    "no text": ("label\nbad\ngood\n", "no column 'text'; it has label"),
    "space in the header": ("text, label\na,bad\nb,good\n", "it has text,  label"),
    "other case": ("Text,label\na,bad\nb,good\n", "no column 'text'; it has Text"),
    "semicolons": ("text;label\na;bad\nb;good\n", "no column 'text'; it has text;label"),
    "many columns": (",".join(f"c{i}" for i in range(3000)) + "\n", "c19 and 2,980 more"),
    "a million characters in a name": ("x" * 10**6 + "\n1\n", "no column 'text'"),
    "doubled text": ("text,text,label\na,b,bad\nc,d,good\n", "2 columns 'text'"),
    "doubled label": ("text,label,label\na,bad,bad\nb,good,good\n", "2 columns 'label'"),
    "doubled idx": ("text,label,idx,idx\na,bad,1,1\nb,good,2,2\n", "2 columns 'idx'"),
    "empty label": (HEAD + "a,bad\nb,\n", "row 1 (first row is 0): label '' is not one of"),
    "unseen label": (HEAD + "a,bad\nb,worse\n", "row 1 (first row is 0): label 'worse'"),
    "label in other case": (HEAD + "a,Bad\nb,good\n", "row 0 (first row is 0): label 'Bad'"),
    "labels with blanks": (HEAD + "a,bad \nb,\u00a0good\n", AB),
    "label nan": (HEAD + "a,nan\nb,good\n", "row 0 (first row is 0): label 'nan'"),
    "codes as fractions": (HEAD + "a,0.0\nb,1.0\n", AB),
    "label 0.5": (HEAD + "a,0.5\nb,1\n", "row 0 (first row is 0): label '0.5'"),
    "label true": (HEAD + "a,true\nb,false\n", "row 0 (first row is 0): label 'true'"),
    "code too large": (HEAD + "a,0\nb,2\n", "row 1 (first row is 0): label '2'"),
    "negative code": (HEAD + "a,-1\nb,1\n", "row 0 (first row is 0): label '-1'"),
    "one label": (HEAD + "a,bad\nb,bad\n", "all rows have the label 'bad'"),
    "a long label": (HEAD + "a," + "x" * 10**6 + "\nb,good\n", "row 0 (first row is 0): label '"),
    "idx of letters": ("text,label,idx\na,bad,x\nb,good,y\n", "row 0 (first row is 0): column"),
    "idx missing": ("text,label,idx\na,bad,1\nb,good,\n", "row 1 (first row is 0): column 'idx'"),
    "idx fractional": ("text,label,idx\na,bad,1\nb,good,2.5\n", "column 'idx' holds '2.5'"),
    "idx beyond 64 bits": ("text,label,idx\na,bad," + "9" * 20 + "\nb,good,1\n", "column 'idx'"),
    "idx doubled": ("text,label,idx\na,bad,4\nb,good,4\n", "row 1 (first row is 0): column 'idx'"),
}  # fmt: skip


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("suffix", ["csv", "tsv"])
@pytest.mark.parametrize("case", TABLES)
def test_a_csv_or_tsv_file(folder: Path, case: str, suffix: str, split: str) -> None:
    content, expected = TABLES[case]
    content = content.encode() if isinstance(content, str) else content
    if suffix == "tsv":
        content = content.replace(b",", b"\t")
    check(folder, f"case.{suffix}", content, split, expected)


# JSONL ------------------------------------------------------------------------------------------


def lines(*rows: Any) -> str:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def labelled(first: Any, second: Any) -> str:
    return lines({"text": "a", "label": first}, {"text": "b", "label": second})


def texts(first: Any, second: Any) -> str:
    return lines({"text": first, "label": 0}, {"text": second, "label": 1})


def numbered(first: Any, second: Any) -> str:
    rows = ({"text": text, "label": code} for code, text in enumerate(AB))
    return lines(*(row | {"idx": idx} for row, idx in zip(rows, (first, second), strict=True)))


ROW = "(first row is 0)"
OBJECTS: dict[str, tuple[str | bytes, Expected]] = {
    "good": (labelled("bad", "good"), AB),
    "byte order mark": ("\ufeff" + labelled("bad", "good"), AB),
    "windows line ends": (labelled("bad", "good").replace("\n", "\r\n"), AB),
    "blank lines": ("\n" + texts("a", "b").replace("\n", "\n\n  \n"), AB),
    "codes": (labelled(0, 1), AB),
    "codes as fractions": (labelled(0.0, 1.0), AB),
    "codes as text": (labelled("0", "1"), AB),
    "mixed labels": (labelled("bad", 1), AB),
    "other keys": (lines({"text": "a", "label": 0, "x": [{}]}, {"text": "b", "label": 1}), AB),
    "dates": (texts("2020-01-01", "2020-01-02"), ["2020-01-01", "2020-01-02"]),
    "line separators in a text": ('{"text": "a\u2028b\x85", "label": 0}\n' + labelled(1, 0),
                                  ["a\u2028b\x85", *AB]),
    "escaped NUL": (texts("a\0", "b"), ["a\0", "b"]),
    "a million characters": (texts("a" * 10**6, "b"), ["a" * 10**6, "b"]),
    "five million": (texts("a", "b" * 5 * 10**6), ["a", "b" * 5 * 10**6]),
    "row ids": (numbered(3, 1), AB),
    "empty": ("", "is empty"),
    "blank": ("\n\n \n", "is empty"),
    "latin-1": (texts("a", "b").replace("b", "é").encode("latin-1"), "line 1: byte 0xe9"),
    "utf-16": (labelled(0, 1).encode("utf-16"), "line 1: byte 0xff"),
    "binary": (bytes(range(128, 256)), "line 1: byte 0x80"),
    "raw NUL": (texts("a", "b").replace('"b"', '"b\0"'), "line 2 holds a NUL"),
    "NULs only": (bytes(500), "line 1 holds a NUL"),
    "a bell": (texts("a", "b").replace('"b"', '"b\a"'), "line 2: it is not JSON: Invalid control"),
    "half a surrogate pair": (texts("a", "b").replace('"b"', r'"\ud800"'), "row 1 "),
    "cut off": (labelled(0, 1)[:-5], "line 2: it is not JSON"),
    "a comma at the end": (lines('{"text": "a", "label": 0},'), "line 1: it is not JSON: Extra"),
    "single quotes": ("{'text': 'a', 'label': 0}\n", "line 1: it is not JSON"),
    "csv": (HEAD + "a,bad\nb,good\n", "line 1: it is not JSON"),
    "an array": (json.dumps([{"text": "a", "label": 0}]), "line 1: it holds [{'text'"),
    "an object over many lines": (json.dumps({"text": "a", "label": 0}, indent=1), "line 1: it"),
    "numbers": ("1\n2\n", "line 1: it holds 1, but must hold one object"),
    "null": (lines({"text": "a", "label": 0}, "null"), "line 2: it holds None, but must"),
    "a text": ('"text"\n', "line 1: it holds 'text', but must hold one object"),
    "deeply nested": ('{"text": ' + "[" * 10**5 + "\n", "line 1"),
    "doubled key": ('{"text": "a", "label": 0, "text": "b"}\n', "line 1: the key 'text'"),
    "doubled key elsewhere": ('{"text": "a", "x": {"y": 1, "y": 2}, "label": 0}', "'y' appears"),
    "five thousand digits": ('{"text": "a", "label": ' + "1" * 5000 + "}\n", "line 1: "),
    "no text": (lines({"label": 0}, {"label": 1}), "no column 'text'; it has label"),
    "no label": (lines({"text": "a"}, {"text": "b"}), "no column 'label'; it has text"),
    "no keys": ("{}\n{}\n", "no column 'text'"),
    "a row without text": (lines({"text": "a", "label": 0}, {"label": 1}), ["a", ""]),
    "a row without label": (lines({"text": "a", "label": 0}, {"text": "b"}), f"row 1 {ROW}: "),
    "null text": (texts("a", None), ["a", ""]),
    "null texts": (texts(None, None), "2 of 2 rows have no text in text, the first is row 0"),
    "number for text": (texts("a", 2), f"row 1 {ROW}: column 'text' holds 2, but must be text"),
    "boolean for text": (texts(True, "b"), f"row 0 {ROW}: column 'text' holds True"),
    "object for text": (texts({"a": 1}, "b"), f"row 0 {ROW}: column 'text' holds {{'a': 1}}"),
    "array for text": (texts("a", ["b"]), f"row 1 {ROW}: column 'text' holds ['b']"),
    "NaN for text": (texts("a", float("nan")), ["a", ""]),
    "null label": (labelled(0, None), f"row 1 {ROW}: label None"),
    "NaN label": (labelled(float("nan"), 1), f"row 0 {ROW}: label None"),
    "infinite label": (labelled(float("inf"), 1), f"row 0 {ROW}: label inf"),
    "fractional label": (labelled(0, 0.5), f"row 1 {ROW}: label 0.5"),
    "boolean label": (labelled(True, False), f"row 0 {ROW}: label True"),
    "object label": (labelled({"a": 1}, 1), f"row 0 {ROW}: label {{'a': 1}}"),
    "array label": (labelled(0, [1]), f"row 1 {ROW}: label [1]"),
    "empty label": (labelled(0, ""), f"row 1 {ROW}: label ''"),
    "unseen label": (labelled("bad", "worse"), f"row 1 {ROW}: label 'worse'"),
    "huge label": (labelled(0, 10**30), f"row 1 {ROW}: label 1000"),
    "one label": (labelled(1, "good"), "all rows have the label 'good'"),
    "idx of letters": (numbered("x", "y"), f"row 0 {ROW}: column 'idx' holds 'x'"),
    "idx missing": (numbered(1, None), f"row 1 {ROW}: column 'idx' holds None"),
    "idx fractional": (numbered(1, 2.5), f"row 1 {ROW}: column 'idx' holds 2.5"),
    "idx boolean": (numbered(False, 2), f"row 0 {ROW}: column 'idx' holds False"),
    "idx array": (numbered([1], 2), f"row 0 {ROW}: column 'idx' holds [1]"),
    "idx doubled": (numbered(4, 4), f"row 1 {ROW}: column 'idx' holds 4, as row 0 does"),
    "idx beyond 64 bits": (numbered(0, 2**64), f"row 1 {ROW}: column 'idx' holds 18446744"),
}  # fmt: skip


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("case", OBJECTS)
def test_a_jsonl_file(folder: Path, case: str, split: str) -> None:
    content, expected = OBJECTS[case]
    content = content.encode() if isinstance(content, str) else content
    check(folder, "case.jsonl", content, split, expected)
