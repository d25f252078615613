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
