"""Tasks by name and from task files."""

import json
from pathlib import Path
from typing import Any

import pytest

from pkd.errors import InputError
from pkd.tasks.glue import GLUE, PAPER_TASKS
from pkd.tasks.task_file import load_task, load_task_file, resolve_tasks


def write_task(folder: Path, **changes: Any) -> Path:
    content = {
        "name": "own",
        "texts": ["text"],
        "labels": ["bad", "good"],
        "files": {"train": "train.csv", "validation": "sub/dev.csv"},
    } | changes
    path = folder / "own.yaml"
    path.write_text(json.dumps({key: value for key, value in content.items() if value}))
    return path


def test_glue_means_the_papers_tasks_and_each_task_is_listed_once() -> None:
    assert tuple(task.name for task in resolve_tasks(["glue"])) == PAPER_TASKS
    names = [task.name for task in resolve_tasks(["rte", "cola", "rte", "mrpc"])]
    assert names == ["rte", "cola", "mrpc"]


@pytest.mark.parametrize(("name", "nearest"), [("RTE", "rte"), ("mnlii", "mnli"), ("qpp", "qqp")])
def test_an_unknown_task_is_named_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(InputError, match=f"unknown task '{name}'; did you mean '{nearest}'"):
        resolve_tasks([name])


def test_the_task_file_or_folder_that_was_meant_is_suggested(tmp_path: Path) -> None:
    write_task(tmp_path)
    (tmp_path / "tickets").mkdir()
    with pytest.raises(InputError, match=r"cannot read .*owm\.yaml.*; did you mean 'own\.yaml'"):
        resolve_tasks([str(tmp_path / "owm.yaml")])
    with pytest.raises(InputError, match=r"unknown task .*ticket'; did you mean 'tickets'\?"):
        resolve_tasks([str(tmp_path / "ticket")])


def test_quoting_is_read_and_words_of_yaml_stay_names(tmp_path: Path) -> None:
    path = write_task(tmp_path)
    path.write_text(path.read_text().replace('["bad", "good"]', "[no, yes]"))
    assert load_task_file(path).labels == ("no", "yes")
    assert load_task_file(path).quoting == "double"
    task = load_task_file(write_task(tmp_path, labels=[False, True], quoting="none"))
    assert (task.labels, task.quoting) == (("false", "true"), "none")


def test_one_task_is_loaded_by_name_or_from_its_file(tmp_path: Path) -> None:
    assert load_task("rte") == GLUE["rte"]
    path = write_task(tmp_path)
    assert load_task(str(path)) == load_task_file(path)
    with pytest.raises(InputError, match="'glue' names 6 tasks, but must name one"):
        load_task("glue")


def test_a_task_file_gives_a_task_with_paths_relative_to_it(tmp_path: Path) -> None:
    (task,) = resolve_tasks([str(write_task(tmp_path))])
    assert (task.name, task.texts, task.labels) == ("own", ("text",), ("bad", "good"))
    assert (task.metrics, task.dev, task.test) == (("accuracy",), ("validation",), ())
    assert task.files == {
        "train": tmp_path / "train.csv",
        "validation": tmp_path / "sub" / "dev.csv",
    }


def test_a_metric_may_be_the_f1_of_a_named_label(tmp_path: Path) -> None:
    labels, metrics = ["a", "b:c", "d e"], ["f1:b:c", "macro_f1", "f1:d e"]
    task = load_task_file(write_task(tmp_path, labels=labels, metrics=metrics))
    assert task.metrics == ("f1:b:c", "macro_f1", "f1:d e")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metric": ["f1"]}, "unknown key `metric`; did you mean `metrics`"),
        ({"files": None}, "lacks `files`"),
        ({"files": {"train": "a.csv"}, "dev": ["validation"]}, "lacks the split 'validation'"),
        ({"labels": ["one"]}, "labels"),
        ({"labels": ["one", "one"]}, "names a label twice"),
        ({"labels": ["a", "b", "c"], "metrics": ["f1"]}, "f1, which is for two labels"),
        ({"metrics": ["bleu"]}, "metrics"),
        ({"name": "a/b"}, "name"),
        ({"texts": ["a", "b", "c"]}, "texts"),
    ],
)
def test_a_wrong_task_file_is_named_with_the_key(
    tmp_path: Path, changes: dict, message: str
) -> None:
    path = write_task(tmp_path, **changes)
    with pytest.raises(InputError, match=rf"task file .*own\.yaml.*{message}"):
        load_task_file(path)


@pytest.mark.parametrize("content", ["- a\n- b\n", "just text"])
def test_a_task_file_without_keys_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "own.yaml").write_text(content)
    with pytest.raises(InputError, match=r"own\.yaml must hold keys and values"):
        load_task_file(tmp_path / "own.yaml")


def test_a_task_file_that_is_missing_or_not_yaml_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the task file .*gone\.yaml"):
        resolve_tasks([str(tmp_path / "gone.yaml")])
    (tmp_path / "half.yaml").write_text("a: [1")
    with pytest.raises(InputError, match=r"cannot read the task file .*half\.yaml"):
        load_task_file(tmp_path / "half.yaml")
