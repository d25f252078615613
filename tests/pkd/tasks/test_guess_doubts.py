"""Training files that look wrong: no header, a header among the rows, the label said twice."""

from pathlib import Path

import pytest

from pkd.errors import InputError
from pkd.tasks.column_guess import guess_columns
from tests.support.training.tickets import write

ROWS = "".join(f"row {n} of the text,{'pos' if n % 2 else 'neg'}\n" for n in range(8))


def guessed_notes(path: Path, content: str) -> tuple[str, ...]:
    path.write_text(content)
    return guess_columns(path).notes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            ROWS,
            "the first row must name the columns, .*: 'row 0 of the text' with the label 'neg'",
        ),
        (ROWS.replace("pos", "1").replace("neg", "0"), "with the label '0'. Add a first row"),
        ("text,label\n" + ROWS + "text,label\n" + ROWS, r"row 8 \(first row is 0\): it repeats"),
        ("text,label\n" + ROWS + "\ufefftext,label\n" + ROWS, r"row 8 .*drop it"),
    ],
)
def test_a_first_row_that_is_no_header_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "train.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        guess_columns(tmp_path / "train.csv")


def test_a_label_may_be_called_as_its_column(tmp_path: Path) -> None:
    content = "text,spam\n" + ROWS.replace("pos", "spam")
    (tmp_path / "train.csv").write_text(content)
    assert guess_columns(tmp_path / "train.csv").labels == ("neg", "spam")


def test_a_column_that_says_the_label_is_not_read(tmp_path: Path) -> None:
    words = ["very bad", "very good"]
    rows = [{"text": f"row {n}", "label": n % 2, "label_text": words[n % 2]} for n in range(8)]
    guess = guess_columns(write(tmp_path / "train.jsonl", rows))
    assert guess.texts == ("text",)
    assert guess.notes == ("columns that are not read: label_text (the label in other words)",)


def test_a_text_that_varies_within_a_label_is_read(tmp_path: Path) -> None:
    words = ["very bad", "very good", "rather good", "very bad"]
    rows = [{"text": f"row {n}", "label": n % 2, "more": words[n % 4]} for n in range(8)]
    assert guess_columns(write(tmp_path / "train.jsonl", rows)).texts == ("text", "more")


@pytest.mark.parametrize(
    ("labels", "notes"),
    [
        ("-1 0 1 2", ["the label -1 (2 rows) is learnt as a class; if it marks rows without"]),
        ("neg pos nan", ["the label nan (2 rows) is learnt as a class"]),
        ("0.5 1 1.5", ["labels are numbers with fractions (0.5, 1.5); each is learnt as a class"]),
        ("-1 1", []),
        ("0 1 2", []),
        ("neg pos none v1.5", []),
    ],
)
def test_labels_that_may_be_none_are_said(tmp_path: Path, labels: str, notes: list[str]) -> None:
    lines = [f"row {n} of the text,{name}\n" for n, name in enumerate(labels.split() * 2)]
    found = guessed_notes(tmp_path / "train.csv", "text,label\n" + "".join(lines))
    assert len(found) == len(notes)
    assert all(each.startswith(start) for each, start in zip(found, notes, strict=True))
