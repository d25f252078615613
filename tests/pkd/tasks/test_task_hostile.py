"""Splits and labels that no file could hold are refused when a task is read."""

import json
from pathlib import Path

import pytest
import yaml

from pkd.errors import InputError
from pkd.tasks.task_file import resolve_tasks
from tests.support.hostile_texts import unseen


def task_file(folder: Path, **changes: object) -> str:
    files = {"train": "a.csv", "dev": "a.csv"}
    keys = {"name": "own", "texts": ["text"], "labels": ["bad", "good"], "files": files}
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(keys | changes))
    return str(path)


@pytest.mark.parametrize(
    "split",
    ["../../elsewhere", "a/b", "a\\b", "", ".", "..", ".hidden", "a\x00b", "a\nb", "a\x1b[2J"]
    + ["a\u202eb", "\ud800", "x" * 101, "宽" * 34],
)
def test_a_split_that_cannot_name_a_file_is_refused(tmp_path: Path, split: str) -> None:
    changes = {"dev": [split], "files": {"train": "a.csv", split: "a.csv"}}
    with pytest.raises(InputError, match="must name a split, which names files") as refusal:
        resolve_tasks([task_file(tmp_path, **changes)])
    assert not unseen(str(refusal.value)) and len(str(refusal.value)) < 1500


@pytest.mark.parametrize("split", ["a+b", "=d|ev [x](y)", "später", "train[:10%]", "x" * 100])
def test_other_names_of_splits_are_taken(tmp_path: Path, split: str) -> None:
    changes = {"dev": [split], "files": {"train": "a.csv", split: "a.csv"}}
    assert resolve_tasks([task_file(tmp_path, **changes)])[0].dev == (split,)


def test_a_split_named_like_train_and_its_unlabelled_rows_is_refused(tmp_path: Path) -> None:
    files = dict.fromkeys(("train", "more", "train+more"), "a.csv")
    changes = {"dev": ["train+more"], "unlabelled": ["more"], "files": files}
    with pytest.raises(InputError, match="name a split twice"):
        resolve_tasks([task_file(tmp_path, **changes)])


def test_half_of_a_surrogate_pair_in_a_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"`labels.1` is 'a\\ud800'.* half of a surrogate pair"):
        resolve_tasks([task_file(tmp_path, labels=["bad", "a\ud800"])])
    rows = ({"text": f"row {i}", "label": ("bad", "a\ud800")[i % 2]} for i in range(20))
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(InputError, match="half of a surrogate pair"):
        resolve_tasks([str(tmp_path)])
