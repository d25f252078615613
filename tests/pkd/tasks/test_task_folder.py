"""A folder of data files as a task: which columns are guessed, and what a person has to say."""

from pathlib import Path
from typing import Any

import pytest

from pkd.data.preparation import check_task
from pkd.errors import InputError
from pkd.tasks.column_guess import guess_columns
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
    (tmp_path / "README.md").write_text("no data")
    [task] = resolve_tasks([str(tmp_path)])
    # It has labels: it is scored in the end.
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
        ([], "is no task: it holds none of train.csv, train.tsv, train.jsonl, train.parquet"),
        (["dev.csv"], "is no task: it holds none of train.csv"),
        (["train.csv", "train.tsv"], "holds both train.csv and train.tsv: keep one"),
        (["train.csv", "dev.csv", "validation.csv"], "holds both dev.csv and validation.csv"),
    ],
)
def test_a_folder_that_is_no_task_is_refused(
    tmp_path: Path, names: list[str], message: str
) -> None:
    for name in names:
        write(tmp_path / name, TICKETS)
    with pytest.raises(InputError, match=message):
        resolve_tasks([str(tmp_path)])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"answer": "what was said to ticket {}"}, "holds the text, of body, answer, subject\\?"),
        ({"country": "country{1}"}, "holds the label, of country, queue\\?"),
    ],
)
def test_columns_that_a_person_has_to_choose_are_named(
    tmp_path: Path, more: dict[str, str], message: str
) -> None:
    rows = [row | {k: v.format(n, n // 15) for k, v in more.items()} for n, row in TICKETS_BY_N]
    write(tmp_path / "train.csv", rows)
    with pytest.raises(InputError, match=message + r".*--init-task .*train\.csv writes one"):
        resolve_tasks([str(tmp_path)])


# Guessing.


def test_a_column_called_label_is_it_whatever_else_might_be(tmp_path: Path) -> None:
    rows = [{"text": "a few words", "kind": n % 2, "Label": n % 3} for n in range(12)]
    guess = guess_columns(write(tmp_path / "own.csv", rows))
    assert (guess.label, guess.other_labels) == ("Label", ())
    assert guess.counts == {"0": 4, "1": 4, "2": 4} and guess.rows == 12


def test_labels_that_are_integers_stand_in_their_order(tmp_path: Path) -> None:
    labels = [10, 2, 1, 10, 2, 1]
    rows = [{"text": "a few words", "stars": star} for star in labels]
    for suffix in ("csv", "jsonl", "parquet"):
        assert guess_columns(write(tmp_path / f"own.{suffix}", rows)).labels == ("1", "2", "10")


def test_texts_of_single_words_are_texts_where_there_are_no_others(tmp_path: Path) -> None:
    rows = [{"word": f"word{n}", "label": n % 2} for n in range(4)]
    assert guess_columns(write(tmp_path / "own.csv", rows)).texts == ("word",)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "a b", "label": "x"}] * 4, "label cannot be the label column"),
        ([{"text": "a b", "label": None}, {"text": "a b", "label": "x"}] * 2, "label cannot be"),
        ([{"text": f"a {n}", "label": n / 7} for n in range(1, 9)], "label cannot be the label"),
        ([{"text": f"a {n}", "idx": n % 2} for n in range(8)], "text cannot be the label column"),
        ([{"n": 1.5, "label": n % 2} for n in range(8)], "no column of n, label but the label"),
    ],
)
def test_a_file_in_which_nothing_can_be_guessed_is_refused(
    tmp_path: Path, rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(InputError, match=rf"own\.jsonl: {message}"):
        guess_columns(write(tmp_path / "own.jsonl", rows))
