"""Wrong task files are refused, and the message names the file and the key.

A case is the text of a file, or the keys in which it differs from a good file.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pkd.data.preparation import check_task
from pkd.errors import InputError
from pkd.tasks.task import Task
from pkd.tasks.task_file import resolve_tasks

GOOD = {
    "name": "own",
    "texts": ["text"],
    "labels": ["bad", "good"],
    "dev": ["dev"],
    "files": {"train": "good.csv", "dev": "good.csv"},
}
TEXTS: dict[str, tuple[str, str]] = {
    "empty": ("", "`name` is missing; `texts` is missing; `labels` is missing"),
    "a comment": ("# nothing\n", "`name` is missing"),
    "a long name": ("name: " + "x" * 200_000, "`name` is 'xxx"),
    "a number as key": ("1: a\n", "unknown key `1`"),
    "nothing as key": ("null: a\n", "unknown key `None`"),
}  # fmt: skip


def train(file: str | int | None) -> dict[str, Any]:
    return {"files": {"train": file, "dev": "good.csv"}}


def cut(*more: str, **changes: Any) -> dict[str, Any]:
    files = {"train": "good.csv"} | dict.fromkeys(more, "good.csv")
    return {"dev": ..., "files": files} | changes


KEYS: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"name": ...}, "`name` is missing"),
    "no texts": ({"texts": ...}, "`texts` is missing"),
    "no labels": ({"labels": ...}, "`labels` is missing"),
    "no files": ({"files": ...}, "lacks `files`"),
    "empty files": ({"files": {}}, "lacks `files`"),
    "an unknown key": ({"metric": ["f1"]}, "unknown key `metric`; did you mean `metrics`?"),
    "a key like no other": ({"zzz": 1}, "unknown key `zzz`. Valid keys: name, texts"),
    "name with a slash": ({"name": "a/b"}, "`name` is 'a/b'"),
    "name with dots": ({"name": "../own"}, "`name` is '../own'"),
    "name with a space": ({"name": "my task"}, "`name` is 'my task'"),
    "name with a line break": ({"name": "own\n"}, "`name` is 'own\\n'"),
    "name of other letters": ({"name": "aufgäbe"}, "`name` is 'aufgäbe'"),
    "name empty": ({"name": ""}, "`name` is ''"),
    "name null": ({"name": None}, "`name` is None"),
    "name too long": ({"name": "x" * 300}, "`name` is 'xxx"),
    "name a number": ({"name": 7}, "`name` is 7, but must be a valid string; put it in quotes"),
    "name a list": ({"name": ["own"]}, "`name` is ['own']"),
    "texts a text": ({"texts": "text"}, "`texts` is 'text'"),
    "texts empty": ({"texts": []}, "`texts` is []"),
    "texts three": ({"texts": ["a", "b", "c"]}, "`texts` is ['a', 'b', 'c']"),
    "texts null": ({"texts": None}, "`texts` is None"),
    "texts numbers": ({"texts": [1]}, "`texts.0` is 1"),
    "texts doubled": ({"texts": ["text", "text"]}, "`texts` and `label` of task own name a colum"),
    "texts with the label": ({"texts": ["label"]}, "name a column twice"),
    "texts a map": ({"texts": {"a": "b"}}, "`texts` is {'a': 'b'}"),
    "texts no column": ({"texts": ["title"]}, "good.csv has no column 'title'; it has text, labe"),
    "label no column": ({"label": "queue"}, "good.csv has no column 'queue'; it has text, label"),
    "label null": ({"label": None}, "`label` is None"),
    "label a list": ({"label": ["label"]}, "`label` is ['label']"),
    "labels one": ({"labels": ["bad"]}, "`labels` is ['bad']"),
    "labels none": ({"labels": []}, "`labels` is []"),
    "labels twice": ({"labels": ["bad", "bad"]}, "`labels` of task own names a label twice"),
    "labels twice, letters": ({"labels": ["a", "b", "a"]}, "task own names a label twice"),
    "labels true and false": ({"labels": [True, False]}, "row 0 (first row is 0): label 'bad'"),
    "labels alike": ({"labels": ["bad", "1", "01"]}, "twice: '1' and '01' are one label"),
    "labels blank": ({"labels": ["bad", " "]}, "`labels.1` is ' ', but must not be empty"),
    "quoting unknown": ({"quoting": "single"}, "`quoting` is 'single', but must be 'double' or"),
    "guessed by hand": ({"guessed": True}, "unknown key `guessed`"),
    "notes by hand": ({"notes": ["a"]}, "unknown key `notes`"),
    "labels fractions": ({"labels": [0.5, 1.5]}, "`labels.1` is 1.5, but must be a valid string"),
    "labels numbers": ({"labels": [1, 2]}, "label 'bad' is not one of the labels of task own: 1"),
    "labels null": ({"labels": ["bad", None]}, "`labels.1` is None"),
    "labels nested": ({"labels": [["bad"], "good"]}, "`labels.0` is ['bad']"),
    "labels a text": ({"labels": "bad good"}, "`labels` is 'bad good'"),
    "labels of others": ({"labels": ["no", "yes"]}, "row 0 (first row is 0): label 'bad'"),
    "labels too few": ({"labels": ["good", "worse"]}, "row 0 (first row is 0): label 'bad'"),
    "metrics unknown": ({"metrics": ["bleu"]}, "`metrics.0` is 'bleu', but must be 'accuracy'"),
    "f1 of no label": ({"metrics": ["f1:"]}, "`metrics.0` is 'f1:', but must be 'accuracy', 'f1'"),
    "f1 of a mapping": ({"metrics": [{"f1": "bad"}]}, "or 'f1:LABEL' without a space"),
    "f1 of another label": ({"metrics": ["f1:worse"]}, "holds 'f1:worse', but its `labels` are b"),
    "metrics none": ({"metrics": []}, "`metrics` is []"),
    "metrics a text": ({"metrics": "mcc"}, "`metrics` is 'mcc'"),
    "f1 of three labels": ({"labels": ["a", "b", "c"], "metrics": ["f1"]}, "f1, which is for two"),
    "dev none": ({"dev": []}, "`dev` is []"),
    "dev a text": ({"dev": "dev"}, "`dev` is 'dev'"),
    "dev without file": ({"dev": ["dev", "more"]}, "`files` of task own lacks the split 'more'"),
    "dev twice": ({"dev": ["dev", "dev"]}, "`unlabelled` of task own name a split twice"),
    "dev is train": ({"dev": ["train"]}, "name a split twice"),
    "test is dev": ({"test": ["dev"]}, "name a split twice"),
    "test without file": ({"test": ["test"]}, "lacks the split 'test'"),
    "train without file": ({"train": "learn"}, "lacks the split 'learn'"),
    "held_out is test": ({"test": ["test"], "held_out": ["test"]}, "name a split twice"),
    "held_out without file": ({"held_out": ["later"]}, "lacks the split 'later'"),
    "held_out a text": ({"held_out": "test"}, "`held_out` is 'test'"),
    "dev_fraction and dev": ({"dev_fraction": 0.2}, "`dev_fraction` of task own is for a task w"),
    "dev_fraction of all": (cut(dev_fraction=1), "`dev_fraction` is 1, but must be less than 1"),
    "dev_fraction of none": (cut(dev_fraction=0), "`dev_fraction` is 0, but must be greater than"),
    "dev_fraction a text": (cut(dev_fraction="a"), "`dev_fraction` is 'a'"),
    "dev of another name": (cut("eval"), "`files` of task own holds 'eval', which is not nam"),
    "too few rows to cut": (cut(), "good.csv: the label 'bad' has one row, but a dev split cut"),
    "weights of words": ({"class_weights": "even"}, "`class_weights` is 'even', but must be 'bal"),
    "weights a number": ({"class_weights": 2}, "`class_weights` is 2, but must be 'balanced' or"),
    "weight of 0": ({"class_weights": [0, 1]}, "`class_weights` is [0, 1], but must be 'balanced"),
    "weight of text": ({"class_weights": ["1", 1]}, "`class_weights` is ['1', 1], but must be"),
    "weights too few": ({"class_weights": [1]}, "`class_weights` of task own has 1 numbers, but"),
    "train a list": ({"train": ["train"]}, "`train` is ['train']"),
    "files a list": ({"files": ["good.csv"]}, "`files` is ['good.csv']"),
    "files a text": ({"files": "good.csv"}, "`files` is 'good.csv'"),
    "files a number": (train(1), "`files.train` is 1"),
    "files null": (train(None), "`files.train` is None"),
    "file not there": (train("gone.csv"), "gone.csv: No such file"),
    "dev file not there": ({"files": {"train": "good.csv", "dev": "sub/gone.csv"}}, "gone.csv: N"),
    "file a folder": (train("."), "unknown file type ''"),
    "file a folder.csv": (train("dir.csv"), "dir.csv: it is a folder"),
    "file a folder.parquet": (train("dir.parquet"), "dir.parquet"),
    "file under a file": (train("good.csv/a.csv"), "a.csv: Not a di"),
    "file empty": (train(""), "unknown file type ''"),
    "file of another kind": (train("good.xlsx"), "type '.xlsx'"),
    "file of no kind": (train("/dev/null"), "unknown file type ''"),
    "file with a NUL": (train("a\0.csv"), "embedded null"),
    "file with a long name": (train("x" * 300 + ".csv"), "too long"),
    "file at home": (train("~/gone.csv"), "gone.csv: No such file"),
    "file in a loop": (train("loop.csv"), "loop.csv"),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tasks")
    (place / "good.csv").write_text("text,label\na,bad\nb,good\n")
    (place / "dir.csv").mkdir()
    (place / "dir.parquet").mkdir()
    (place / "loop.csv").symlink_to("loop.csv")
    return place


def read(folder: Path, content: bytes) -> Task:
    path = folder / "own.yaml"
    path.write_bytes(content)
    (task,) = resolve_tasks([str(path)])
    check_task(task, None)
    return task


def keys(**changes: Any) -> bytes:
    content = {key: value for key, value in (GOOD | changes).items() if value is not ...}
    return yaml.safe_dump(content, allow_unicode=True).encode()


def test_the_good_task_file_is_read(folder: Path) -> None:
    # All other cases differ from it in one key.
    assert read(folder, keys()).labels == ("bad", "good")
    # As other tools write it: with a byte order mark, and anchors that may be unused.
    shared = "test: &x [test]\ndev: [dev]\nmetrics: &m [mcc]\n"
    text = (
        "\ufeff" + shared + keys(files={s: "good.csv" for s in ("train", "dev", "test")}).decode()
    )
    assert read(folder, text.replace("dev:\n- dev\n", "").encode()).test == ("test",)


@pytest.mark.parametrize("case", TEXTS)
def test_a_task_file_without_the_keys_of_a_task_is_refused(folder: Path, case: str) -> None:
    content, expected = TEXTS[case]
    with pytest.raises(InputError) as caught:
        read(folder, content.encode())
    message = str(caught.value)
    assert "own.yaml" in message and expected in message and len(message) < 1500


@pytest.mark.parametrize("case", KEYS)
def test_a_task_file_with_a_wrong_value_is_refused(folder: Path, case: str) -> None:
    changes, expected = KEYS[case]
    with pytest.raises(InputError) as caught:
        read(folder, keys(**changes))
    message = str(caught.value)
    assert "own" in message and expected in message and len(message) < 1500


def test_two_tasks_of_one_name_are_refused(folder: Path) -> None:
    for name in ("one", "two"):
        (folder / f"{name}.yaml").write_bytes(keys(label=name))
    (folder / "rte.yaml").write_bytes(keys(name="rte"))
    one, two, rte = (str(folder / f"{name}.yaml") for name in ("one", "two", "rte"))
    with pytest.raises(InputError, match=r"named 'own'; rename the one in .*two\.yaml"):
        resolve_tasks([one, two])
    for names in ([rte, "rte"], ["rte", rte]):
        with pytest.raises(InputError, match="two tasks are named 'rte'"):
            resolve_tasks(names)
    assert len(resolve_tasks([one, f"{folder}/./one.yaml"])) == 1


ANY_FILE = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@ANY_FILE
@given(st.dictionaries(st.sampled_from(sorted(Task.model_fields)), VALUES))
def test_any_values_of_the_keys_are_read_or_refused(folder: Path, changes: dict[str, Any]) -> None:
    try:
        read(folder, keys(**changes))
    except InputError as error:
        assert "own" in str(error)


@ANY_FILE
@given(
    st.binary(max_size=60)
    | st.text(alphabet="&*[]{}:,-?!|>'\"%@` \n\tab1", max_size=60).map(str.encode)
)
def test_any_bytes_are_read_or_refused(folder: Path, content: bytes) -> None:
    with pytest.raises(InputError, match="own.yaml"):
        read(folder, content)
