"""Tasks whose rows are a data set of the hub; here a folder that the same library reads."""

import errno
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, Features, Value

from pkd.data.preparation import check_task
from pkd.data.rows import load_rows
from pkd.errors import DiskFull, InputError
from pkd.models.hub import fetch_model
from pkd.tasks.glue import GLUE
from pkd.tasks.task import Task
from pkd.tasks.task_file import load_task_file

NAMES = ["neg", "pos"]
ABOUT = 'name: films\ntexts: [text]\nlabels: [pos, neg]\nhub: "{}"\n'


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A data set with the splits train and validation, and numbered labels that have names."""
    features = Features(
        {"text": Value("string"), "label": ClassLabel(names=NAMES), "idx": Value("string")}
    )
    for split, count in (("train", 20), ("validation", 6)):
        columns = {
            "text": [f"film {n}" for n in range(count)],
            "label": [n % 2 for n in range(count)],
            "idx": ["no number"] * count,
        }
        path = tmp_path / "films" / "data" / f"{split}-00000.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        Dataset.from_dict(columns, features).to_parquet(path)
    return tmp_path / "films"


def task_of(films: Path, more: str = "") -> Task:
    path = films.parent / "task.yaml"
    path.write_text(ABOUT.format(films) + more)
    return load_task_file(path)


def test_labels_are_matched_by_their_names_and_not_by_their_numbers(films: Path) -> None:
    task = task_of(films)
    rows = load_rows(task, "train")
    assert rows.texts[0][:2] == ["film 0", "film 1"] and rows.idx.tolist() == list(range(20))
    # The data set's 0 is neg, which is the task's 1.
    assert rows.labels is not None and rows.labels[:4].tolist() == [1, 0, 1, 0]
    assert list(check_task(task, films)[1]) == ["train", "validation"]  # --data is for GLUE only


def test_a_dev_split_is_cut_if_dev_fraction_is_given_without_dev(films: Path) -> None:
    task = task_of(films, "dev_fraction: 0.2\n")
    known, rows = check_task(task, None)
    assert known.cuts_dev and [len(rows[split]) for split in ("train", "validation")] == [16, 4]
    assert set(rows["train"].texts[0]).isdisjoint(rows["validation"].texts[0])


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("dev: [gone]", r'cannot load .*films/gone from the .*"gone".*Or download the data'),
        ("label: class", "films/train has no column 'class'"),
        ("hub_config: other", "cannot load .*films/other/train from the Hugging Face hub"),
        ("files: {train: a.csv, validation: b.csv}", "has `files` and `hub`"),
        ("dev: [validation]\ndev_fraction: 0.2", "`dev_fraction` of task films is for a task w"),
    ],
)
def test_names_that_the_data_set_lacks_are_refused(films: Path, more: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        check_task(task_of(films, f"{more}\n"), None)


def test_labels_of_other_names_are_refused(films: Path) -> None:
    task = task_of(films).model_copy(update={"labels": ("negative", "positive")})
    with pytest.raises(InputError, match="label 'neg' is not one of the labels of task films"):
        load_rows(task, "train")


def test_a_missing_data_set_is_named(films: Path) -> None:
    task = task_of(films).model_copy(update={"hub": f"{films}/gone"})
    with pytest.raises(InputError, match=r"gone/train from the .* \(\w+: .*`files`"):
        load_rows(task, "train")


@pytest.mark.parametrize("key", ["hub_config: x", "hub: ''"])
def test_a_hub_key_without_a_data_set_is_refused(tmp_path: Path, key: str) -> None:
    path = tmp_path / "task.yaml"
    keys: Any = ABOUT.partition("hub")[0] + f"{key}\n"
    path.write_text(keys)
    with pytest.raises(InputError, match=key.partition(":")[0]):
        load_task_file(path)


def test_a_full_disk_is_not_reported_as_an_unreachable_hub(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("datasets.load_dataset", full)
    monkeypatch.setattr("huggingface_hub.snapshot_download", full)
    with pytest.raises(DiskFull, match="free some"):
        load_rows(GLUE["rte"], "train", None)
    with pytest.raises(DiskFull, match="free some"):
        fetch_model("bert-base-uncased")
