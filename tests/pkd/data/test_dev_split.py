"""A dev split that is cut from the training file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pkd.data.preparation import check_task
from pkd.data.rows import load_rows
from pkd.errors import InputError
from pkd.tasks.task import Task


def write_rows(path: Path, counts: dict[str, int]) -> Path:
    """Writes a CSV file with a number of rows of each label, one label after the other."""
    labels = [label for label, count in counts.items() for _ in range(count)]
    rows = [f"text {number},{label}" for number, label in enumerate(labels)]
    path.write_text("\n".join(["text,label", *rows]))
    return path


def cut_task(path: Path, **more: Any) -> Task:
    labels = ("bad", "good", "other")
    return Task(name="own", texts=("text",), labels=labels, files={"train": path}, **more)


def test_a_dev_split_is_cut_from_train_label_by_label(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "own.csv", {"bad": 60, "good": 30, "other": 10})
    task, rows = check_task(cut_task(path), None)
    train, dev = rows["train"], rows["validation"]
    assert task.cuts_dev and task.dev == ("validation",) and list(rows) == ["train", "validation"]
    # A tenth of 60, 30 and 10.
    assert dev.labels is not None and np.bincount(dev.labels).tolist() == [6, 3, 1]
    assert train.labels is not None and np.bincount(train.labels).tolist() == [54, 27, 9]
    # Each row is in one of the two, with its number in the file and with its own text.
    assert sorted([*train.idx, *dev.idx]) == list(range(100))
    for part in (train, dev):
        assert part.texts == ([f"text {number}" for number in part.idx],)
    # Literal: another process, machine or version must take the same rows.
    assert dev.idx.tolist() == [0, 3, 44, 47, 53, 55, 64, 65, 81, 94]


def test_a_cut_dev_split_is_always_the_same_and_has_the_given_size(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "own.csv", {"bad": 60, "good": 30, "other": 10})
    one, again, half = (
        load_rows(cut_task(path, **more), "validation").idx.tolist()
        for more in ({}, {}, {"dev_fraction": 0.5})
    )
    assert one == again
    assert len(half) == 50


def test_limits_apply_to_the_two_parts_of_a_cut_file(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "own.csv", {"bad": 60, "good": 30, "other": 10})
    whole = check_task(cut_task(path), None)[1]
    rows = check_task(cut_task(path), None, max_train_rows=20, max_dev_rows=5)[1]
    assert {split: len(each) for split, each in rows.items()} == {"train": 20, "validation": 5}
    assert all(set(rows[split].idx) < set(whole[split].idx) for split in rows)


def test_a_file_called_dev_is_the_dev_split_without_being_named(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "own.csv", {"bad": 2, "good": 2})
    files = {"train": path, "dev": path}
    task = Task(name="own", texts=("text",), labels=("bad", "good"), files=files)
    assert task.dev == ("dev",) and not task.cuts_dev


@pytest.mark.parametrize(
    ("counts", "fraction", "message"),
    [
        ({"bad": 5, "good": 1, "other": 5}, 0.1, "the label 'good' has one row, but a dev split"),
        ({"bad": 5, "good": 5, "other": 5}, 0.1, "`dev_fraction` of task own is 0.1, but 15 row"),
        ({"bad": 5, "good": 5, "other": 5}, 0.9, "each part needs at least 3 rows"),
    ],
)
def test_rows_that_cannot_be_cut_are_named(
    tmp_path: Path, counts: dict[str, int], fraction: float, message: str
) -> None:
    path = write_rows(tmp_path / "own.csv", counts)
    with pytest.raises(InputError, match=rf"own\.csv: .*{message}.*name a dev split"):
        load_rows(cut_task(path, dev_fraction=fraction), "train")


def test_an_error_in_the_dev_part_names_the_part(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "own.csv", {"bad": 96, "good": 4})
    with pytest.raises(InputError, match=r"own\.csv, the part for validation: all rows have the"):
        check_task(cut_task(path), None)
