"""Quotes that join rows are refused; texts with line breaks are read."""

from pathlib import Path

import pytest

from pkd.errors import InputError
from pkd.files.columns import read_columns

# A TSV file; the first and last line of the field that is refused, and how many are rows.
REFUSED: dict[str, tuple[str, tuple[int, int, str]]] = {
    "first column": ('t\tl\n"a\t1\nb\t2\nc"\t3\nd\t4\n', (2, 4, "all 3")),
    "last column": ('l\tt\n1\t"a\n2\tb\n3\tc"\n4\td\n', (2, 4, "all 3")),
    "middle column": ('i\tt\tl\n1\t"a\t1\n2\tb"\t2\n', (2, 3, "all 2")),
    "to another column": ('l\tt\tu\n1\t"a\tb\n2\tc\td"\n', (2, 3, "all 2")),
    "a single line end": ('t\tl\n"a\t1\nb"\t2\n', (2, 3, "all 2")),
    "carriage returns": ('t\tl\r\n"a\t1\r\nb"\t2\r\n', (2, 3, "all 2")),
    "old Macintosh": ('t\tl\r"a\t1\rb"\t2\r', (2, 3, "all 2")),
    "blank lines inside": ('t\tl\n"a\t1\n\n\nb"\t2\n', (2, 5, "2 of the 4")),
    "a ragged line inside": ('t\tl\n"a\t1\nb\nc"\t2\n', (2, 4, "2 of the 3")),
    "a doubled quote inside": ('t\tl\n"a\t1\n""b""\t2\nc"\t3\n', (2, 4, "all 3")),
    "at the end of the file": ('t\tl\na\t1\n"b\t2\nc\t3"', (3, 4, "all 2")),
    "never closed": ('t\tl\na\t1\n"b\t2\nc\t3\n', (3, 4, "all 2")),
    "closed before a text": ('t\tl\n"a\t1\n"b" c\t2\n', (2, 3, "all 2")),
    "in the header": ('"t\tl\na\t1\nb"\t2\nc\t3\n', (1, 3, "all 3")),
    "after a blank line": ('\nt\tl\n\n"a\t1\nb"\t2\n', (4, 5, "all 2")),
    "one column": ('t\n"a\nb"\nc\n', (2, 3, "all 2")),
    # Another field needs its quotes, but these lines hold labels of other rows.
    "a file with quotes": (
        't\tl\n"a\tb"\t1\nc\t2\n"d\t2\ne"\t1\nf\t3\n',
        (4, 5, "all 2"),
    ),
    "labels below": (
        't\tl\n"a\t1\nb"\t2\n"c\td"\t2\ne\t1\n',
        (2, 3, "all 2"),
    ),
    "the second of two": ('t\tl\n"a"\t1\n"b\t2\nc"\t3\n', (3, 4, "all 2")),
}


@pytest.mark.parametrize("suffix", [".tsv", ".csv"])
@pytest.mark.parametrize("case", REFUSED)
def test_rows_that_a_quote_joins_are_refused_with_their_lines(
    tmp_path: Path, case: str, suffix: str
) -> None:
    content, (first, last, rows) = REFUSED[case]
    path = tmp_path / f"own{suffix}"
    path.write_text(content if suffix == ".tsv" else content.replace("\t", ","), newline="")
    with pytest.raises(InputError) as caught:
        read_columns(path, ["t"])
    where = f"line {first}: a quoted field runs on to line {last}, but {rows} lines are whole rows"
    assert where in str(caught.value)
    assert "`quoting: none` in a task file, `--quoting none` for predict" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ('t,l\n"a\nb",1\nc,2\n', ["a\nb", "c"]),
        ('l,t\n1,"a\nb"\n2,c\n', ["a\nb", "c"]),
        ('l,t\n1,"a\n\nb ""c"""\n2,d\n', ['a\n\nb "c"', "d"]),
        # Two rows where quotes are ordinary, but other fields need their quotes.
        ('t,l\n"a, b\nc",1\n"d, e",2\n', ["a, b\nc", "d, e"]),
        ('t,l\n"d\ne",2\n"a, b\nc",1\n', ["d\ne", "a, b\nc"]),
        ('t\n"a\nb"\n"c, d"\n', ["a\nb", "c, d"]),
        ('"t","a, b"\n"c, d\ne",1\n', ["c, d\ne"]),
        ('"t\n",l\na,1\n', None),
    ],
)
def test_texts_with_line_breaks_are_read(
    tmp_path: Path, content: str, texts: list[str] | None
) -> None:
    path = tmp_path / "own.csv"
    path.write_text(content)
    name = "t" if texts else "t\n"
    assert read_columns(path, [name]) == {name: texts or ["a"]}
