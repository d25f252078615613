"""Checking all splits of a task, tokenising them, and the summary of the task."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pkd.data.preparation import check_task, describe_task, prepare_task
from pkd.errors import InputError
from pkd.tasks.glue import GLUE
from pkd.tasks.task import Task


def write_rte(folder: Path, split: str) -> None:
    path = folder / "rte" / f"{split}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {"sentence1": ["a", "b", "c"], "sentence2": ["d", "e", "f"], "label": [0, 1, 0]}
    pq.write_table(pa.table(columns), path)


def test_optional_splits_that_are_absent_locally_are_left_out(data: Path, tmp_path: Path) -> None:
    for split in ("train", "validation"):
        write_rte(tmp_path, split)
    task, rows = check_task(GLUE["rte"], tmp_path)
    assert (task.dev, task.test, list(rows)) == (("validation",), (), ["train", "validation"])
    task, rows = check_task(GLUE["rte"], data)
    assert task.test == ("test",)
    assert {split: len(each) for split, each in rows.items()} == {
        "train": 40,
        "validation": 12,
        "test": 6,
    }


def test_a_second_dev_split_may_be_absent_and_the_first_may_not(tmp_path: Path) -> None:
    table = pa.table({"premise": ["a"] * 3, "hypothesis": ["b"] * 3, "label": [0, 1, 2]})
    (tmp_path / "mnli").mkdir()
    for split in ("train", "validation_matched"):
        pq.write_table(table, tmp_path / "mnli" / f"{split}.parquet")
    assert check_task(GLUE["mnli"], tmp_path)[0].dev == ("validation_matched",)
    (tmp_path / "mnli" / "validation_matched.parquet").unlink()
    with pytest.raises(InputError, match=r"validation_matched\.parquet does not exist"):
        check_task(GLUE["mnli"], tmp_path)


def test_what_a_local_copy_of_glue_lacks_is_noted(data: Path, tmp_path: Path) -> None:
    table = pa.table({"premise": ["a", "b", "c"], "hypothesis": ["d"] * 3, "label": [0, 1, 2]})
    other = pa.table({"premise": ["e", "f", "g"], "hypothesis": ["d"] * 3, "label": [0, 1, 2]})
    (tmp_path / "mnli").mkdir()
    for split, each in {
        "train": table,
        "validation_matched": other,
        "test_matched": other,
    }.items():
        pq.write_table(each, tmp_path / "mnli" / f"{split}.parquet")
    assert check_task(GLUE["mnli"], tmp_path)[0].notes == (
        "the data lack validation_mismatched, test_mismatched: neither scored nor predicted",
        "3 training rows are used; GLUE has 392,702",
    )
    notes = check_task(GLUE["rte"], data)[0].notes
    assert notes[0] == "40 training rows are used; GLUE has 2,490"
    assert check_task(GLUE["rte"], data, max_train_rows=8)[0].notes[0].startswith("8 training row")


def test_a_task_that_is_not_of_glue_may_lie_in_the_data_folder(tmp_path: Path) -> None:
    table = pa.table({"text": ["a b", "c d"], "label": [0, 1]})
    other = pa.table({"text": ["e f", "g h"], "label": [0, 1]})
    (tmp_path / "mood").mkdir()
    for split, each in {"train": table, "validation": other}.items():
        pq.write_table(each, tmp_path / "mood" / f"{split}.parquet")
    mood = Task(name="mood", texts=("text",), labels=("bad", "good"))
    assert check_task(mood, tmp_path)[0].notes == ()


def test_limits_apply_to_training_and_dev_rows_and_not_to_test_rows(data: Path) -> None:
    _, rows = check_task(GLUE["rte"], data, max_train_rows=8, max_dev_rows=4)
    assert {split: len(each) for split, each in rows.items()} == {
        "train": 8,
        "validation": 4,
        "test": 6,
    }


@pytest.mark.parametrize("max_length", [7, 33])
def test_a_length_that_the_encoder_cannot_take_is_refused(
    encoder: Path, data: Path, tmp_path: Path, max_length: int
) -> None:
    with pytest.raises(InputError, match=rf"max_length is {max_length}, but must be 8\.\.32"):
        prepare_task(GLUE["rte"], encoder, tmp_path, data, max_length)


def test_preparing_again_in_a_new_process_adds_no_folder(
    encoder: Path, data: Path, tmp_path: Path
) -> None:
    first = prepare_task(GLUE["rte"], encoder, tmp_path, data, 24)
    assert first.rows == {"train": 40, "validation": 12, "test": 6}
    assert prepare_task(GLUE["rte"], encoder, tmp_path, data, 24).tokens == first.tokens
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 3


def test_the_summary_of_a_task_names_columns_labels_and_the_cut_dev_split(
    encoder: Path, tmp_path: Path
) -> None:
    labels = ["bad"] * 60 + ["good"] * 30 + ["other"] * 10
    path = tmp_path / "own.csv"
    rows = [f"text {n},{label}\n" for n, label in enumerate(labels[1:])]
    path.write_text("text,label\n" + "".join([f"text 3,{labels[0]}\n", *rows]))
    names = ("bad", "good", "other")
    task = Task(name="own", texts=("text",), labels=names, files={"train": path})
    prepared = prepare_task(task, encoder, tmp_path / "tokens", max_length=8)
    text = describe_task(prepared)
    assert text.splitlines() == [
        "own: text in text, label in label (bad, good, other); rows: train 90, validation 10",
        "own has no dev split: 10 of its training rows, the same share of each label "
        "(dev_fraction 0.1), are scored as validation and not trained on",
        "note on own: rows of validation that are also in train: 1 of 10",
    ]
    assert prepared.notes == ("rows of validation that are also in train: 1 of 10",)
    assert describe_task(prepared.without_notes()) == "\n".join(text.splitlines()[:2])
