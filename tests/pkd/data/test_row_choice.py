"""A dev split that is cut from the training file, and subsets that keep a row of each label."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pkd.data.preparation import check_task
from pkd.data.row_choice import random_subset
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


def parts(path: Path, fraction: float) -> tuple[list[int], list[int]]:
    """The rows of each label in train and in dev."""
    rows = check_task(cut_task(path, dev_fraction=fraction), None)[1]
    train, dev = (rows[split].labels for split in ("train", "validation"))
    assert train is not None and dev is not None
    return np.bincount(train).tolist(), np.bincount(dev).tolist()


@pytest.mark.parametrize(
    ("counts", "fraction", "expected"),
    [
        # A tenth of four rows is none, and nine tenths of two are all.
        ({"bad": 200, "good": 212, "other": 4}, 0.1, ([180, 190, 3], [20, 22, 1])),
        ({"bad": 400, "good": 4}, 0.1, ([359, 3], [41, 1])),
        ({"bad": 2, "good": 98}, 0.9, ([1, 10], [1, 88])),
        ({"bad": 2, "good": 2, "other": 96}, 0.05, ([1, 1, 91], [1, 1, 5])),
    ],
)
def test_each_label_has_a_row_in_train_and_in_dev(
    tmp_path: Path, counts: dict[str, int], fraction: float, expected: tuple[list, list]
) -> None:
    train, dev = parts(write_rows(tmp_path / "own.csv", counts), fraction)
    assert min(train + dev) >= 1
    assert [a + b for a, b in zip(train, dev, strict=True)] == list(counts.values())
    assert (train, dev) == expected


@pytest.mark.parametrize("most", [3, 4, 10, 50])
@pytest.mark.parametrize("name", ["own/train", "own/dev", "x"])
def test_each_label_has_a_row(most: int, name: str) -> None:
    labels = np.array([0] * 90 + [1] * 9 + [2])
    rows = random_subset(labels, most, name)
    assert len(rows) == len(set(rows.tolist())) == most and (np.diff(rows) > 0).all()
    assert set(labels[rows].tolist()) == {0, 1, 2}
    assert rows.tolist() == random_subset(labels, most, name).tolist()


def test_a_subset_that_has_all_labels_is_just_random() -> None:
    # The permutation that earlier versions took, seeded by the CRC of the name.
    order = np.random.default_rng(0xE8B7BE43).permutation(100)  # CRC-32 of "a"
    labels = np.arange(100) % 2
    assert random_subset(labels, 20, "a").tolist() == sorted(order[:20].tolist())


def test_only_a_row_of_the_most_frequent_label_gives_way() -> None:
    labels = np.array([0] * 97 + [1] * 2 + [2])
    order = np.random.default_rng(0xE8B7BE43).permutation(100)
    usual, kept = set(order[:10].tolist()), set(random_subset(labels, 10, "a").tolist())
    assert {99} < kept - usual | {99} and all(labels[row] == 0 for row in usual - kept)


def test_fewer_rows_than_labels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("text,label\n" + "".join(f"text {n},{'abc'[n % 3]}\n" for n in range(9)))
    files = {"train": path, "validation": path}
    task = Task(name="own", texts=("text",), labels=("a", "b", "c"), files=files)
    with pytest.raises(InputError, match="max_rows of split 'train' of task own is 2.*3 or more"):
        load_rows(task, "train", max_rows=2)
    assert len(load_rows(task, "train", max_rows=3)) == 3
