"""Reading the rows of a split, and messages for files that cannot be used."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from pkd.data.rows import load_rows, with_unlabelled
from pkd.errors import InputError
from pkd.tasks.glue import GLUE
from pkd.tasks.task import Task
from tests.support.training import tiny

TEXTS = ["a cat", 'says "so", twice', "", "two\nlines", "1", "null"]


def columns_of(**changes: Any) -> dict[str, list]:
    return {
        "sentence1": ["a", "b", "c"],
        "sentence2": ["d", "e", "f"],
        "label": [0, 1, 0],
    } | changes


def write_rte(folder: Path, split: str = "train", **changes: Any) -> Path:
    path = folder / "rte" / f"{split}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = columns_of(**changes).items()
    pq.write_table(pa.table({name: each for name, each in columns if each is not None}), path)
    return folder


def own_task(path: Path, labels: tuple[str, ...] = ("bad", "good"), **more: Any) -> Task:
    return Task(
        name="own", texts=("text",), labels=labels,
        files={"train": path, "validation": path} | more.pop("files", {}), **more,
    )  # fmt: skip


# Wrong splits.


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    write_rte(tmp_path, sentence2=None)
    with pytest.raises(InputError, match=r"task rte: .*train\.parquet has no column 'sentence2'"):
        load_rows(GLUE["rte"], "train", tmp_path)


def test_a_missing_label_column_is_named(tmp_path: Path) -> None:
    write_rte(tmp_path, label=None)
    with pytest.raises(InputError, match="has no column 'label'.*has sentence1, sentence2"):
        load_rows(GLUE["rte"], "train", tmp_path)


def test_an_empty_split_is_named(tmp_path: Path) -> None:
    write_rte(tmp_path, sentence1=[], sentence2=[], label=[])
    with pytest.raises(InputError, match=r"train\.parquet is empty: split 'train' of task rte"):
        load_rows(GLUE["rte"], "train", tmp_path)


def test_a_split_with_one_class_is_named(tmp_path: Path) -> None:
    write_rte(tmp_path, label=[1, 1, 1])
    with pytest.raises(InputError, match="all rows have the label 'not_entailment'"):
        load_rows(GLUE["rte"], "train", tmp_path)


@pytest.mark.parametrize("wrong", [2, -1, "maybe", None, True, 0.5])
def test_a_label_outside_the_tasks_set_is_named_with_its_row(tmp_path: Path, wrong: Any) -> None:
    # Parquet holds one type a column: right labels of the wrong one's type come before it.
    before = {str: "entailment", bool: False, float: 1.0}.get(type(wrong), 0)
    write_rte(tmp_path, label=[before, wrong, before])
    row = 0 if wrong is True else 1
    with pytest.raises(InputError, match=rf"row {row} .*: label .* is not one of the labels"):
        load_rows(GLUE["rte"], "train", tmp_path)


def test_a_text_of_another_type_is_named_with_its_row_and_column(tmp_path: Path) -> None:
    write_rte(tmp_path, sentence1=[["a"], ["b"], ["c"]])
    with pytest.raises(InputError, match=r"row 0 .* column 'sentence1' holds \['a'\]"):
        load_rows(GLUE["rte"], "train", tmp_path)


def test_a_missing_text_is_read_as_empty(tmp_path: Path) -> None:
    write_rte(tmp_path, sentence1=["a", "b", None], sentence2=[" \n", "e", None])
    texts = load_rows(GLUE["rte"], "train", tmp_path).texts
    assert texts == (["a", "b", ""], ["", "e", ""])


@pytest.mark.parametrize("split", ["train", "test"])
def test_rows_most_of_which_have_no_text_are_refused(tmp_path: Path, split: str) -> None:
    # Half of the rows may be empty, and a row with one of two texts is not.
    write_rte(tmp_path, split, sentence1=["", "b", None], sentence2=[None, "", "f"])
    assert len(load_rows(GLUE["rte"], split, tmp_path)) == 3
    write_rte(tmp_path, split, sentence1=["a", None, None], sentence2=["d", " ", None])
    where = rf"{split}\.parquet: 2 of 3 rows have no text in sentence1 and sentence2, the first is"
    with pytest.raises(InputError, match=where + r" row 1 .*`texts` of task rte"):
        load_rows(GLUE["rte"], split, tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"rte/train\.parquet does not exist: the data folder"):
        load_rows(GLUE["rte"], "train", tmp_path)


def test_a_file_that_is_not_parquet_is_named(tmp_path: Path) -> None:
    (write_rte(tmp_path) / "rte" / "train.parquet").write_text("not parquet")
    with pytest.raises(InputError, match=r"task rte: cannot read .*train\.parquet"):
        load_rows(GLUE["rte"], "train", tmp_path)


def test_a_missing_file_of_a_users_task_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"task own: cannot read .*gone\.csv"):
        load_rows(own_task(tmp_path / "gone.csv"), "train")


def test_the_file_that_was_meant_is_suggested(tmp_path: Path) -> None:
    (tmp_path / "tickets.csv").write_text("text,label\na,bad\n")
    with pytest.raises(InputError, match=r"cannot read .*ticket\.csv: .*; did you mean 'tickets"):
        load_rows(own_task(tmp_path / "ticket.csv"), "train")
    write_rte(tmp_path)
    with pytest.raises(InputError, match=r"trains\.parquet does not exist.*did you mean 'trai"):
        load_rows(GLUE["rte"].model_copy(update={"train": "trains"}), "trains", tmp_path)


def test_an_unknown_file_type_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"own\.xlsx: unknown file type '\.xlsx'"):
        load_rows(own_task(tmp_path / "own.xlsx"), "train")


# Good splits.


def write_texts(path: Path, labels: list) -> Path:
    table = pa.table({"text": TEXTS, "label": labels})
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    else:
        delimiter = "\t" if path.suffix == ".tsv" else ","
        pa.csv.write_csv(table, path, pa.csv.WriteOptions(delimiter=delimiter))
    return path


@pytest.mark.parametrize(
    "labels", [[0, 1, 0, 1, 1, 0], ["bad", "good", "bad", "good", "good", "bad"]]
)
@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_all_file_types_give_equal_rows(tmp_path: Path, suffix: str, labels: list) -> None:
    rows = load_rows(own_task(write_texts(tmp_path / f"own.{suffix}", labels)), "train")
    assert rows.texts == (TEXTS,)
    assert rows.labels is not None and rows.labels.dtype == np.int64
    assert rows.labels.tolist() == [0, 1, 0, 1, 1, 0]
    assert rows.idx.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("names", [("false", "true"), ("1", "0")])
def test_label_names_that_look_like_other_values_stay_names(
    tmp_path: Path, suffix: str, names: tuple[str, str]
) -> None:
    labels = [names[code] for code in (0, 1, 0, 1, 1, 0)]
    path = write_texts(tmp_path / f"own.{suffix}", labels)
    rows = load_rows(own_task(path, names), "train")
    assert rows.labels is not None and rows.labels.tolist() == [0, 1, 0, 1, 1, 0]


def test_codes_as_text_are_codes(tmp_path: Path) -> None:
    path = write_texts(tmp_path / "own.jsonl", list("010110"))
    rows = load_rows(own_task(path), "train")
    assert rows.labels is not None and rows.labels.tolist() == [0, 1, 0, 1, 1, 0]


@pytest.mark.parametrize(
    ("suffix", "given"),
    [(suffix, given) for suffix in ("csv", "tsv", "jsonl", "parquet") for given in (int, str)]
    + [("jsonl", float), ("parquet", float)],
)
def test_labels_that_are_integers_are_names_and_not_codes(
    tmp_path: Path, suffix: str, given: type
) -> None:
    # Stars from 1 to 3: read as codes, 1 and 2 would be the labels 2 and 3.
    path = write_texts(tmp_path / f"own.{suffix}", [given(star) for star in (1, 2, 3, 3, 2, 1)])
    rows = load_rows(own_task(path, (1, 2, 3)), "train")
    assert rows.labels is not None and rows.labels.tolist() == [0, 1, 2, 2, 1, 0]


def test_codes_are_refused_where_labels_are_integers(tmp_path: Path) -> None:
    path = write_texts(tmp_path / "own.jsonl", [1, 2, 3, 0, 1, 2])
    with pytest.raises(InputError, match="row 3 .*: label 0 is not one of .*: 1, 2, 3$"):
        load_rows(own_task(path, ("1", "2", "3")), "train")


def test_an_empty_label_of_a_csv_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("text,label\na,bad\nb,\nc,good\n")
    with pytest.raises(InputError, match="row 1 .*: label '' is not one of"):
        load_rows(own_task(tmp_path / "own.csv"), "train")


def test_row_ids_are_those_of_the_file(tmp_path: Path) -> None:
    rows = load_rows(GLUE["rte"], "train", write_rte(tmp_path, idx=[9, 4, 7]))
    assert rows.idx.tolist() == [9, 4, 7]
    assert rows.texts == (["a", "b", "c"], ["d", "e", "f"])


@pytest.mark.parametrize("label", [[-1, -1, -1], [0, 1, 0], ["x", None, "y"], None])
def test_labels_of_a_test_split_are_never_read(tmp_path: Path, label: list | None) -> None:
    rows = load_rows(GLUE["rte"], "test", write_rte(tmp_path, "test", label=label))
    assert rows.labels is None
    assert len(rows) == 3


def test_a_subset_is_the_same_each_time_and_keeps_rows_together(tmp_path: Path) -> None:
    tiny.write_split(tmp_path / "rte" / "train.parquet", 40, seed=1)
    full = load_rows(GLUE["rte"], "train", tmp_path)
    one, again = (load_rows(GLUE["rte"], "train", tmp_path, max_rows=10) for _ in range(2))
    # Literal: another machine or version must take the same rows.
    assert (
        one.idx.tolist()
        == again.idx.tolist()
        == [
            103,
            108,
            114,
            116,
            123,
            129,
            134,
            135,
            136,
            137,
        ]
    )
    at = one.idx - 100
    assert one.texts == tuple([column[i] for i in at] for column in full.texts)
    assert one.labels is not None and one.labels.tolist() == full.labels[at].tolist()
    assert len(load_rows(GLUE["rte"], "train", tmp_path, max_rows=99)) == 40


def test_unlabelled_rows_are_only_added_to_rows_with_labels(tmp_path: Path) -> None:
    without = load_rows(GLUE["rte"], "test", write_rte(tmp_path, "test"))
    with pytest.raises(InputError, match="`labelled` is 3 rows without labels, but must be rows"):
        with_unlabelled(without, [without])
