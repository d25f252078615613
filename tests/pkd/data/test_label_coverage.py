"""Labels that a split has no rows of: refused where a metric can only be 0, noted elsewhere."""

from pathlib import Path
from typing import Any

import pytest

from pkd.data.preparation import check_task
from pkd.errors import InputError
from pkd.tasks.task import Task


def task_of(folder: Path, labels: tuple[str, ...], **given: Any) -> Task:
    """Writes splits, whose rows are given as a label for each, and returns their task."""
    files = {split: folder / f"{split}.csv" for split in ("train", "dev", "later", "more")}
    splits = {split: given.pop(split, "bug other") for split in files}
    for split, path in files.items():
        rows = [f"{split} {n},{label}\n" for n, label in enumerate(splits[split].split())]
        path.write_text("text,label\n" + "".join(rows))
    return Task(name="own", texts=("text",), labels=labels, files=files, dev=("dev", "more"),
                held_out=("later",), **given)  # fmt: skip


def notes(task: Task) -> list[str]:
    return list(check_task(task, None)[0].notes)


BUGS = ("bug", "other", "fraud")


def test_nothing_is_said_of_splits_with_all_labels(tmp_path: Path) -> None:
    assert notes(task_of(tmp_path, ("bug", "other"), metrics=("f1:bug",))) == []


def test_labels_that_a_scored_split_lacks_are_noted(tmp_path: Path) -> None:
    task = task_of(tmp_path, BUGS, train="bug other fraud", dev="fraud bug", more="bug other")
    assert notes(task) == [
        "dev has no rows of other",
        "more has no rows of fraud",
        "later has no rows of fraud",
    ]


def test_rows_of_a_label_that_cannot_be_learnt_are_counted(tmp_path: Path) -> None:
    task = task_of(tmp_path, BUGS, dev="bug other fraud fraud", later="other bug fraud")
    assert notes(task) == [
        "train has no rows of fraud, so it cannot be learnt: its rows (2 of dev, 1 of later) "
        "count as errors"
    ]
    assert notes(task_of(tmp_path, BUGS)) == ["train has no rows of fraud, so it cannot be learnt"]


def test_a_metric_that_is_always_0_on_another_split_is_noted(tmp_path: Path) -> None:
    all_labels = "bug other fraud"
    metrics = ("accuracy", "f1:fraud")
    task = task_of(tmp_path, BUGS, train=all_labels, dev=all_labels, metrics=metrics)
    assert notes(task) == [
        "more has no rows of fraud: its f1:fraud is always 0",
        "later has no rows of fraud: its f1:fraud is always 0",
    ]


@pytest.mark.parametrize("lacking", ["train", "dev"])
@pytest.mark.parametrize("metrics", [("f1:fraud",), ("accuracy", "f1:fraud")])
def test_a_score_that_can_only_be_0_is_refused(
    tmp_path: Path, lacking: str, metrics: tuple[str, ...]
) -> None:
    splits = {"train": "bug other fraud", "dev": "bug other fraud"} | {lacking: "bug other"}
    with pytest.raises(
        InputError, match=f"^{lacking} of task own has no rows of the label 'fraud', so f1:fraud"
    ):
        check_task(task_of(tmp_path, BUGS, metrics=metrics, **splits), None)


@pytest.mark.parametrize("limits", [{"max_train_rows": 4}, {"max_dev_rows": 3}])
def test_subsets_keep_the_rows_of_a_rare_label(tmp_path: Path, limits: dict[str, int]) -> None:
    rare = "bug other " * 30 + "fraud"
    task = task_of(tmp_path, BUGS, train=rare, dev=rare, more=rare, later=rare,
                   metrics=("f1:fraud",), class_weights="balanced")  # fmt: skip
    assert list(check_task(task, None, **limits)[0].notes) == []


def test_labels_that_differ_only_in_case_are_noted(tmp_path: Path) -> None:
    split = dict.fromkeys(("train", "dev", "more", "later"), "bug Bug other")
    assert notes(task_of(tmp_path, ("bug", "Bug", "other"), **split)) == [
        "the labels bug, Bug differ only in upper and lower case"
    ]


def test_the_meaning_of_codes_is_said(tmp_path: Path) -> None:
    assert notes(task_of(tmp_path, ("other", "bug"), dev="0 1", later="1.0 0.0")) == [
        "codes in dev, later are read in the order of `labels`: 0 is other, 1 is bug"
    ]
