"""The files of a folder: spellings of splits, names of the hub, and files that are not used."""

from pathlib import Path

import pytest

from pkd.errors import InputError
from pkd.tasks.folder_files import files_beside, split_files


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *((f"{stem}.csv", "dev") for stem in ("dev", "val", "valid", "Val", "devel", "EVAL")),
        *((f"{stem}.tsv", "validation") for stem in ("validation", "Validation")),
        *((f"{stem}.jsonl", "test") for stem in ("test", "Test", "TESTING")),
        *((f"{stem}.parquet", "unlabelled") for stem in ("unlabeled", "unsup", "Unlabelled")),
        ("dev.CSV", "dev"),
        ("validation-00000-of-00001.parquet", "validation"),
        ("test-00000-of-00001.parquet", "test"),
        ("test-00000-of-00001-a09b74b3ef9c3b56.parquet", "test"),
        ("unsupervised-00000-of-00001.parquet", "unlabelled"),
    ],
)
def test_usual_spellings_are_splits(tmp_path: Path, name: str, split: str) -> None:
    make(tmp_path, "train.csv", name)
    found = split_files(tmp_path)
    assert found.splits == {"train": tmp_path / "train.csv", split: tmp_path / name}
    assert found.unused == found.notes == ()


@pytest.mark.parametrize(
    "name", ["Train.csv", "training.tsv", "TRAIN.CSV", "train-00000-of-00001.parquet"]
)
@pytest.mark.parametrize("inside", ["", "data/"])
def test_spellings_of_train(tmp_path: Path, name: str, inside: str) -> None:
    make(tmp_path, inside + name)
    assert split_files(tmp_path).splits == {"train": tmp_path / inside / name}


def test_other_data_is_named(tmp_path: Path) -> None:
    make(tmp_path, "train.csv", "README.md", "task.yaml", ".hidden.csv", "train.log/x.csv")
    other = ("dev.csv.gz", "dev.xlsx", "test/part.csv", "more.parquet", "notes.json")
    make(tmp_path, *other)
    found = split_files(tmp_path)
    assert found.unused == (
        "dev.csv.gz", "dev.xlsx", "more.parquet", "notes.json", "test", "train.log"
    )  # fmt: skip
    assert found.notes == (
        "beside train.csv, not used: dev.csv.gz, dev.xlsx, more.parquet, notes.json, test, "
        "train.log (a task file can name files)",
    )


def test_data_beside_and_below_the_folder_of_the_splits_is_named(tmp_path: Path) -> None:
    make(tmp_path / "inner", "train.csv", "data/dev.csv")
    assert split_files(tmp_path / "inner").unused == ("data/dev.csv",)
    make(tmp_path / "outer", "data/train.csv", "dev.csv", "README.md")
    assert split_files(tmp_path / "outer").unused == ("../dev.csv",)


def test_a_link_keeps_its_name_and_the_folder_loses_its_links(tmp_path: Path) -> None:
    make(tmp_path, "blobs/0a1b", "snapshot/x")
    (tmp_path / "snapshot" / "train.csv").symlink_to("../blobs/0a1b")
    (tmp_path / "latest").symlink_to("snapshot")
    expected = {"train": tmp_path / "snapshot" / "train.csv"}
    assert split_files(tmp_path / "latest").splits == expected
    assert files_beside(tmp_path / "latest" / "train.csv").splits == expected


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["train.csv", "Train.tsv"], "holds both Train.tsv and train.csv: keep one"),
        (["train.csv", "val.csv", "dev.csv"], "holds both dev.csv and val.csv: keep one"),
        (["train.csv", "valid.csv", "validation.csv"], "both valid.csv and validation.csv"),
        (["train.csv", "test.csv", "test-00000-of-00001.parquet"], "both test-00000-of-00001.par"),
        (
            [f"train-0000{n}-of-00002.parquet" for n in (0, 1)],
            "train-00000-of-00002.parquet is one of 2 files of train: join them into train",
        ),
        (["train.csv", "dev-00001-of-00003.parquet"], "is one of 3 files of dev: join them"),
        (["reviews_train.csv"], "none of train.csv, .*; it holds reviews_train.csv: rename the"),
        (["train.csv.gz"], "it holds train.csv.gz: rename"),
        (["README.md"], r"holds none of train.csv, train.tsv, train.jsonl, train.parquet$"),
    ],
)
def test_folders_that_are_not_clear_are_refused(
    tmp_path: Path, names: list[str], message: str
) -> None:
    make(tmp_path, *names)
    with pytest.raises(InputError, match=message):
        split_files(tmp_path)


def test_only_a_training_file_brings_the_files_beside_it(tmp_path: Path) -> None:
    make(tmp_path, "train_v2.csv", "train.csv", "val.csv", "reviews.csv")
    found = files_beside(tmp_path / "train_v2.csv")
    assert found.splits == {"train": tmp_path / "train_v2.csv", "dev": tmp_path / "val.csv"}
    assert found.unused == ("reviews.csv", "train.csv")
    found = files_beside(tmp_path / "reviews.csv")
    assert found.splits == {"train": tmp_path / "reviews.csv"}
    assert found.unused == ("train.csv", "train_v2.csv", "val.csv")
