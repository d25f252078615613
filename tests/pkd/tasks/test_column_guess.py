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


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "a b", "label": "x"}] * 4, "label cannot be the label column"),
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
