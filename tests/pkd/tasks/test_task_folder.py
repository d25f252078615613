"""A folder of data files as a task: its splits, and columns that a user must choose."""

from pathlib import Path

import pytest

from pkd.data.preparation import check_task
from pkd.errors import InputError
from pkd.tasks.task_file import resolve_tasks
from tests.support.training.tickets import TICKETS, write

TICKETS_BY_N = list(enumerate(TICKETS))


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_a_folder_with_a_training_file_is_a_task(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / "my tickets" / f"train.{suffix}", TICKETS)
    [task] = resolve_tasks([str(tmp_path / "my tickets")])
    assert (task.name, task.texts, task.label) == ("my-tickets", ("subject", "body"), "queue")
    assert task.labels == ("billing", "bug", "other")
    assert task.cuts_dev and task.test == () and task.held_out == ()
    _, rows = check_task(task, None)
    assert {split: len(each) for split, each in rows.items()} == {"train": 27, "validation": 3}


@pytest.mark.parametrize("dev", ["dev", "validation"])
def test_other_files_of_a_folder_are_its_splits(tmp_path: Path, dev: str) -> None:
    write(tmp_path / "train.csv", TICKETS)
    write(tmp_path / f"{dev}.jsonl", TICKETS[:6])
    write(tmp_path / "test.tsv", TICKETS[:9])
    (tmp_path / "README.md").write_text("not data")
    [task] = resolve_tasks([str(tmp_path)])
    # The test file has labels, so the final models are scored on it.
    assert (task.dev, task.test, task.held_out) == ((dev,), (), ("test",))
    _, rows = check_task(task, None)
    assert {split: len(each) for split, each in rows.items()} == {"train": 30, dev: 6, "test": 9}
    assert rows["test"].labels is not None and rows["test"].labels[:4].tolist() == [1, 0, 1, 2]


@pytest.mark.parametrize("label", [None, -1])
def test_a_test_file_without_labels_is_only_predicted(tmp_path: Path, label: int | None) -> None:
    write(tmp_path / "train.csv", TICKETS)
    rows = [{k: v for k, v in row.items() if k != "queue"} for row in TICKETS[:4]]
    write(tmp_path / "test.csv", rows if label is None else [row | {"queue": -1} for row in rows])
    [task] = resolve_tasks([str(tmp_path)])
    assert (task.test, task.held_out) == (("test",), ())
    assert check_task(task, None)[1]["test"].labels is None


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("split", ["dev", "test"])
@pytest.mark.parametrize("kind", [int, float, str])
def test_codes_are_refused_where_train_has_names(
    tmp_path: Path, suffix: str, split: str, kind: type
) -> None:
    write(tmp_path / "train.csv", TICKETS)
    codes = {"bug": 0, "other": 1, "billing": 2}
    rows = [row | {"queue": kind(codes[str(row["queue"])])} for row in TICKETS[:6]]
    write(tmp_path / f"{split}.{suffix}", rows)
    [task] = resolve_tasks([str(tmp_path)])
    with pytest.raises(InputError, match=rf"{split}\.{suffix}, row 0 .*: train has names .*codes"):
        check_task(task, None)


@pytest.mark.parametrize(
    ("train", "dev"),
    [
        (["1.0", "2.0", "3.0"], ["1", "2", "3"]),
        (["1", "2", "3"], [1.0, 2.0, 3.0]),
        ([1, 2, 3], ["1.0", "02", " 3"]),
        (["no", "yes", "maybe"], ["no ", " yes", "maybe"]),
        ([True, False], ["True", "FALSE"]),
        (["True", "False"], [True, False]),
    ],
)
def test_labels_of_two_files_agree_however_they_are_written(
    tmp_path: Path, train: list, dev: list
) -> None:
    for name, labels in (("train.csv" if train[0] == "True" else "train.jsonl", train),
                         ("dev.jsonl", dev)):  # fmt: skip
        rows = [{"text": f"{name} is {n} long", "label": label}
                for n, label in enumerate(labels * 3)]  # fmt: skip
        write(tmp_path / name, rows)
    [task] = resolve_tasks([str(tmp_path)])
    _, rows = check_task(task, None)
    assert rows["train"].labels is not None and rows["dev"].labels is not None
    assert rows["train"].labels.tolist() == rows["dev"].labels.tolist()
    assert len(set(rows["dev"].labels.tolist())) == len(train)


def test_a_test_file_whose_labels_are_no_labels_is_said(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", TICKETS)
    write(tmp_path / "Testing.csv", [row | {"queue": "?"} for row in TICKETS[:4]])
    write(tmp_path / "extra.csv", TICKETS)
    [task] = resolve_tasks([str(tmp_path)])
    assert (task.test, task.held_out) == (("test",), ())
    assert task.notes == (
        "beside train.csv, not used: extra.csv (a task file can name files)",
        "columns that are not read: id (the numbers of rows, by its name)",
        "Testing.csv is not scored: its column queue holds only ?, which is not a label of train",
    )


def test_a_missing_label_is_named_with_its_row(tmp_path: Path) -> None:
    rows = [row | {"label": row["queue"]} for row in TICKETS]
    rows[7] |= {"label": " "}
    write(tmp_path / "train.csv", rows)
    [task] = resolve_tasks([str(tmp_path)])
    with pytest.raises(
        InputError, match="row 7 .*: label ' ' is not one of .*fill it in, or drop"
    ):
        check_task(task, None)


def test_a_label_that_only_dev_has_is_named(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", TICKETS)
    write(tmp_path / "dev.csv", [*TICKETS[:6], TICKETS[0] | {"queue": "new"}])
    [task] = resolve_tasks([str(tmp_path)])
    with pytest.raises(InputError, match=r"dev\.csv, row 6 .*: label 'new' is not one of"):
        check_task(task, None)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "is not a task: it holds none of train.csv, train.tsv, train.jsonl, train.parquet"),
        (["dev.csv"], "is not a task: it holds none of train.csv"),
        (["train.csv", "train.tsv"], "holds both train.csv and train.tsv: keep one"),
        (["train.csv", "dev.csv", "validation.csv"], "holds both dev.csv and validation.csv"),
    ],
)
def test_a_folder_without_a_task_is_refused(
    tmp_path: Path, names: list[str], message: str
) -> None:
    for name in names:
        write(tmp_path / name, TICKETS)
    with pytest.raises(InputError, match=message):
        resolve_tasks([str(tmp_path)])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"answer": "the answer to ticket {}"}, "holds the text, of body, answer, subject\\?"),
        ({"country": "country{1}"}, "holds the label, of country, queue\\?"),
    ],
)
def test_columns_that_the_user_must_choose_are_named(
    tmp_path: Path, more: dict[str, str], message: str
) -> None:
    rows = [row | {k: v.format(n, n // 15) for k, v in more.items()} for n, row in TICKETS_BY_N]
    write(tmp_path / "train.csv", rows)
    with pytest.raises(InputError, match=message + r".*--init-task .*train\.csv writes one"):
        resolve_tasks([str(tmp_path)])
