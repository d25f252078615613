"""Task files that are written from data are read back as what was guessed."""

import json
from pathlib import Path

import pytest

from pkd.data.preparation import check_task
from pkd.errors import InputError
from pkd.tasks.task_file import load_task_file
from pkd.tasks.task_init import init_task
from tests.support.hostile_texts import unseen
from tests.support.training.tickets import TICKETS, write


def test_a_written_task_file_is_read_as_what_was_guessed(tmp_path: Path) -> None:
    data = write(tmp_path / "data" / "all tickets.csv", TICKETS)
    told = init_task(tmp_path / "my tickets.yaml", data)
    assert told == [
        f"{tmp_path}/my tickets.yaml is written, guessed from 30 rows: text in subject and body, "
        "label in queue (billing 10, bug 10, other 10)",
        "note: columns that are not read: id (the numbers of rows, by its name)",
    ]
    task = load_task_file(tmp_path / "my tickets.yaml")
    assert (task.name, task.texts, task.label) == ("my-tickets", ("subject", "body"), "queue")
    assert task.labels == ("billing", "bug", "other") and task.metrics == ("accuracy",)
    assert task.files == {"train": data} and task.dev_fraction == 0.1
    assert {split: len(each) for split, each in check_task(task, None)[1].items()} == {
        "train": 27,
        "validation": 3,
    }
    text = (tmp_path / "my tickets.yaml").read_text()
    assert "train: data/all tickets.csv" in text and "- billing  # 10" in text


def test_a_folder_of_splits_is_written_with_all_of_them(tmp_path: Path) -> None:
    for split in ("train", "dev", "test"):
        write(tmp_path / f"{split}.jsonl", TICKETS)
    init_task(tmp_path / "own.yml", tmp_path)
    task = load_task_file(tmp_path / "own.yml")
    assert (task.dev, task.held_out, task.test) == (("dev",), ("test",), ())
    assert not task.cuts_dev


def test_the_files_beside_a_training_file_are_its_other_splits(tmp_path: Path) -> None:
    for name in ("train.csv", "Valid.csv", "test.jsonl", "unsup.parquet", "more.csv"):
        write(tmp_path / name, TICKETS)
    (tmp_path / "train.tsv").write_text("another training file\n")
    told = init_task(tmp_path / "own.yaml", tmp_path / "train.csv")
    assert told[1:3] == [
        "other splits: dev in Valid.csv, test in test.jsonl (held out), unlabelled in "
        "unsup.parquet",
        "note: beside train.csv, not used: more.csv, train.tsv (a task file can name files)",
    ]
    task = load_task_file(tmp_path / "own.yaml")
    assert (task.dev, task.held_out, task.unlabelled) == (("dev",), ("test",), ("unlabelled",))
    assert task.files["dev"] == tmp_path / "Valid.csv"
    assert "# Note: beside train.csv, not used: more.csv" in (tmp_path / "own.yaml").read_text()


def test_a_file_that_is_not_called_train_is_the_only_one(tmp_path: Path) -> None:
    for name in ("tickets.csv", "dev.csv"):
        write(tmp_path / name, TICKETS)
    told = init_task(tmp_path / "own.yaml", tmp_path / "tickets.csv")
    assert "note: beside tickets.csv, not used: dev.csv (a task file can name files)" in told
    assert list(load_task_file(tmp_path / "own.yaml").files) == ["train"]


def test_labels_must_be_put_in_order_where_dev_has_codes(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", TICKETS)
    codes = {"bug": 0, "other": 1, "billing": 2}
    write(tmp_path / "dev.csv", [row | {"queue": codes[str(row["queue"])]} for row in TICKETS[:6]])
    path = tmp_path / "own.yaml"
    told = init_task(path, tmp_path / "train.csv")
    assert told[-1].startswith("note: train has names, but there are codes in dev: put `labels`")
    # Not in the order of the alphabet: the file is refused until the user has decided.
    with pytest.raises(InputError, match="`labels` is missing"):
        load_task_file(path)
    path.write_text(path.read_text() + "labels: [bug, other, billing]\n")
    task, rows = check_task(load_task_file(path), None)
    assert rows["dev"].labels is not None and rows["train"].labels is not None
    assert rows["dev"].labels.tolist() == rows["train"].labels[:6].tolist() == [0, 2, 0, 1, 1, 2]
    assert (
        "codes in dev are read in the order of `labels`: 0 is bug, 1 is other, 2 is billing"
        in task.notes
    )


def test_other_possible_columns_are_listed_in_comments(tmp_path: Path) -> None:
    rows = [
        row | {"country": f"country {n // 15}", "answer": f"the answer to ticket {n}"}
        for n, row in enumerate(TICKETS)
    ]
    init_task(tmp_path / "own.yaml", write(tmp_path / "train.csv", rows))
    text = (tmp_path / "own.yaml").read_text()
    assert "label: country " in text and "or is it one of [queue]?" in text
    assert "or is it one of [subject" in text


def test_names_that_yaml_would_convert_stay_names(tmp_path: Path) -> None:
    labels = ["no", "1", "a, b", "# c", "x: y", "[z]", "1e3", "null", "ä", "q'\"q"]
    rows = [{"the text": f"text {n}", "label": label} for n, label in enumerate(labels * 2)]
    init_task(tmp_path / "own.yaml", write(tmp_path / "train.jsonl", rows))
    task = load_task_file(tmp_path / "own.yaml")
    assert sorted(task.labels) == sorted(labels) and task.texts == ("the text",)
    assert len(check_task(task.model_copy(update={"dev_fraction": 0.5}), None)[1]["train"]) == 10


@pytest.mark.parametrize(
    ("target", "data", "message"),
    [
        ("there.yaml", "train.csv", r"there\.yaml exists and is not overwritten"),
        ("own.txt", "train.csv", r"own\.txt, but must end in \.yaml"),
        ("gone/own.yaml", "train.csv", r"cannot write .*gone/own\.yaml: No such file"),
        ("own.yaml", "gone.csv", r"cannot read .*gone\.csv: No such file"),
        ("own.yaml", "train.xlsx", "unknown file type '.xlsx'"),
        ("own.yaml", "empty", "the folder .*empty is not a task"),
    ],
)
def test_files_that_cannot_be_written_or_read_are_refused(
    tmp_path: Path, target: str, data: str, message: str
) -> None:
    write(tmp_path / "train.csv", TICKETS)
    (tmp_path / "there.yaml").write_text("mine")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=message):
        init_task(tmp_path / target, tmp_path / data)
    assert (tmp_path / "there.yaml").read_text() == "mine"
    assert not (tmp_path / "own.yaml").exists()


def test_files_with_quotes_that_are_ordinary_characters_are_written_so(tmp_path: Path) -> None:
    lines = [f'"so said he {n}\t{"no" if n % 2 else "yes"}\n' for n in range(7)]
    for name in ("train.tsv", "dev.tsv"):
        (tmp_path / name).write_text("".join(["text\tlabel\n", *lines, 'a 5" disc\tno\n']))
    told = init_task(tmp_path / "own.yaml", tmp_path / "train.tsv")
    assert "note: quotes are ordinary characters in these files (`quoting: none`)" in told
    task = load_task_file(tmp_path / "own.yaml")
    assert task.quoting == "none"
    assert check_task(task, None)[1]["dev"].texts[0][0] == '"so said he 0'


def test_hostile_columns_and_labels_are_one_line_each_and_read_back(tmp_path: Path) -> None:
    columns = ("a\nname: evil", "te\x1b[31mxt", "la\u202ebel")
    labels = ("=cmd|' /C calc'!A0", "a|b\x1b[2J", "x" * 300)
    rows = [
        dict(zip(columns, (f"row {i} a", f"row {i} b", labels[i % 3]), strict=True))
        for i in range(30)
    ]
    data = tmp_path / "train.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = init_task(tmp_path / "own.yaml", data)
    assert not unseen("".join(told)) and not [line for line in told if "\n" in line]
    assert len(told[0]) < 600
    text = (tmp_path / "own.yaml").read_text()
    assert not unseen(text) and "\nname: evil" not in text
    task = load_task_file(tmp_path / "own.yaml")
    assert {*task.texts, task.label} == set(columns) and set(task.labels) == set(labels)
    prepared_rows = check_task(task, None)[1]
    assert sum(map(len, prepared_rows.values())) == 30
