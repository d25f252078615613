"""Guesses of the text and label columns of a data file."""

from pathlib import Path
from typing import Any

import pytest

from pkd.errors import InputError
from pkd.tasks.column_guess import guess_columns
from tests.support.training.tickets import write


def test_a_column_named_label_is_the_label(tmp_path: Path) -> None:
    rows = [{"text": "a few words", "kind": n % 2, "Label": n % 3} for n in range(12)]
    guess = guess_columns(write(tmp_path / "own.csv", rows))
    assert (guess.label, guess.other_labels) == ("Label", ())
    assert guess.counts == {"0": 4, "1": 4, "2": 4} and guess.rows == 12


def test_integer_labels_are_sorted_as_numbers(tmp_path: Path) -> None:
    labels = [10, 2, 1, 10, 2, 1]
    rows = [{"text": "a few words", "stars": star} for star in labels]
    for suffix in ("csv", "jsonl", "parquet"):
        assert guess_columns(write(tmp_path / f"own.{suffix}", rows)).labels == ("1", "2", "10")


def test_single_words_are_texts_if_there_are_no_others(tmp_path: Path) -> None:
    rows = [{"word": f"word{n}", "label": n % 2} for n in range(4)]
    assert guess_columns(write(tmp_path / "own.csv", rows)).texts == ("word",)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("stars", [[1.0, 2.0, 10.0], ["1.0", "2.0", "10.0"], ["1", "2", "10"]])
def test_whole_numbers_are_the_same_labels_however_they_are_written(
    tmp_path: Path, suffix: str, stars: list
) -> None:
    rows = [{"text": f"a few words {n}", "stars": star} for n, star in enumerate(stars * 2)]
    guess = guess_columns(write(tmp_path / f"own.{suffix}", rows))
    assert guess.labels == ("1", "2", "10") and guess.spellings == {}


@pytest.mark.parametrize(("suffix", "names"), [("jsonl", "false true"), ("parquet", "false true"),
                                               ("csv", "False True")])  # fmt: skip
def test_true_and_false_are_labels(tmp_path: Path, suffix: str, names: str) -> None:
    rows = [{"text": f"a few words {n}", "spam": n % 2 == 1} for n in range(6)]
    guess = guess_columns(write(tmp_path / f"own.{suffix}", rows))
    assert (guess.label, " ".join(guess.labels)) == ("spam", names)


def test_labels_that_are_written_in_several_ways_are_said(tmp_path: Path) -> None:
    labels = ["pos", "pos ", "neg", "pos", "neg", "neg"]
    rows = [{"text": f"a few words {n}", "label": label} for n, label in enumerate(labels)]
    guess = guess_columns(write(tmp_path / "own.jsonl", rows))
    assert guess.counts == {"neg": 3, "pos": 3}
    assert guess.notes == ("blanks around labels are not read: pos",)


def test_columns_that_are_not_read_are_said_with_the_reason(tmp_path: Path) -> None:
    rows = [
        {
            "id": n,
            "idx": n,
            "text": "" if n == 3 else f"a few words {n}",
            "price": n / 8,
            "day": f"2020-01-{n + 10}",
            "who": f"person{n}",
            "gone": None,
            "seldom": "a few words" if n == 1 else None,
            "kind": n % 2,
        }
        for n in range(8)
    ]
    guess = guess_columns(write(tmp_path / "own.jsonl", rows))
    assert (guess.texts, guess.label, guess.other_texts) == (("text",), "kind", ())
    assert guess.left_out == {
        "price": "numbers",
        "day": "dates",
        "who": "single words",
        "gone": "empty",
        "seldom": "empty in 7 of 8 rows",
        "id": "the numbers of rows, by its name",
    }
    assert guess.notes[0].startswith("columns that are not read: price (numbers), day (dates), ")


@pytest.mark.parametrize("gap", [None, "", " ", float("nan")])
def test_gaps_in_a_text_or_label_column_do_not_drop_it(tmp_path: Path, gap: Any) -> None:
    rows = [
        {"text": f"a few words {n}", "more": f"other words {n}", "label": "ab"[n % 2]}
        for n in range(8)
    ]
    rows[2] |= {"more": gap}
    guess = guess_columns(write(tmp_path / "own.jsonl", rows))
    assert (guess.texts, guess.label) == (("text", "more"), "label")
    rows[3] |= {"label": gap}
    guess = guess_columns(write(tmp_path / "own.jsonl", rows))
    assert (guess.label, guess.counts) == ("label", {"a": 4, "b": 3})


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{"text": "a b", "label": "x"}] * 4,
            "label cannot be .* as it holds one label, 'x'; a cl",
        ),
        ([{"text": "a b", "label": None}, {"text": "a b", "label": "x"}] * 2, "label cannot be"),
        ([{"text": f"a {n}", "label": n / 7} for n in range(1, 9)], "label cannot be the label"),
        ([{"text": f"a {n}", "idx": n % 2} for n in range(8)], "text cannot be the label column"),
        (
            [{"n": 1.5, "label": n % 2} for n in range(8)],
            "no column of n, label holds texts, except the label",
        ),
    ],
)
def test_a_file_without_a_text_or_label_column_is_refused(
    tmp_path: Path, rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(InputError, match=rf"own\.jsonl: {message}"):
        guess_columns(write(tmp_path / "own.jsonl", rows))
