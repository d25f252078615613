"""Empty texts, doubled rows, and rows of train that are scored as well."""

import numpy as np
import pytest

from pkd.data.row_notes import row_notes
from pkd.data.rows import Rows
from pkd.tasks.task import Task

TASK = Task(
    name="own", texts=("text",), labels=("a", "b"), dev=("dev",), held_out=("later",),
    test=("test",), unlabelled=("pool",), hub="some/data",
)  # fmt: skip


def rows(texts: str, labels: str = "") -> Rows:
    """Rows of one letter each; a dot is an empty text."""
    codes = np.array([int(label) for label in labels]) if labels else None
    return Rows(([text.strip(".") for text in texts],), codes, 10 + np.arange(len(texts)))


def notes(**changed: Rows) -> list[str]:
    splits = {"train": rows("abcd", "0101"), "dev": rows("ef", "01"), "later": rows("gh", "01"),
              "test": rows("ij"), "pool": rows("kl")}  # fmt: skip
    return row_notes(TASK, splits | changed)


def test_nothing_is_said_of_rows_that_differ() -> None:
    assert notes() == []


def test_empty_texts_are_counted_and_the_first_is_named() -> None:
    # Two empty rows are not the same row, neither in a split nor in two.
    found = notes(train=rows("a..d", "0110"), dev=rows("e.", "01"), test=rows(".i"))
    assert found == [
        "rows of train with an empty text: 2 of 4, the first is row 11",
        "rows of dev with an empty text: 1 of 2, the first is row 11",
        "rows of test with an empty text: 1 of 2, the first is row 10",
    ]


def test_doubled_rows_are_counted_with_those_of_several_labels() -> None:
    assert notes(train=rows("abaabc", "000010")) == [
        "rows of train that repeat the texts of an earlier row: 3 of 6 "
        "(texts with several labels: 1)"
    ]
    assert notes(dev=rows("eef", "001"), pool=rows("kk")) == [
        "rows of dev that repeat the texts of an earlier row: 1 of 3",
        "rows of pool that repeat the texts of an earlier row: 1 of 2",
    ]


@pytest.mark.parametrize(
    ("split", "given", "expected"),
    [
        ("dev", rows("eab", "101"), "rows of dev that are also in train: 2 of 3"),
        ("later", rows("gab", "110"), "rows of later that are also in train: 2 of 3 "
         "(with another label: 2)"),
        ("test", rows("ia"), "rows of test that are also in train: 1 of 2"),
        ("dev", rows("ek", "01"), "rows of dev that are also in pool: 1 of 2"),
    ],
)  # fmt: skip
def test_scored_rows_that_are_learnt_are_counted(split: str, given: Rows, expected: str) -> None:
    assert notes(**{split: given}) == [expected]


def test_pairs_are_compared_as_pairs() -> None:
    def pairs(*texts: tuple[str, str]) -> Rows:
        first, second = (list(column) for column in zip(*texts, strict=True))
        return Rows((first, second), np.arange(len(texts)) % 2, np.arange(len(texts)))

    task = Task(name="own", texts=("x", "y"), labels=("a", "b"), dev=("dev",), hub="some/data")
    splits = {
        "train": pairs(("a", "b"), ("a", ""), ("", "b")),
        "dev": pairs(("b", "a"), ("a", "")),
    }
    assert row_notes(task, splits) == [
        "rows of train with an empty text: 2 of 3, the first is row 1",
        "rows of dev with an empty text: 1 of 2, the first is row 1",
        "rows of dev that are also in train: 1 of 2",
    ]
