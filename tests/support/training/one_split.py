"""Checks one file as the train, dev or test split of a task whose other splits are good."""

from pathlib import Path

from pkd.data.preparation import check_task
from pkd.errors import InputError
from pkd.tasks.task import Task

# The texts that are read, or a part of the message.
Expected = list[str] | str
SPLITS = ("train", "dev", "test")


def outcome(folder: Path, name: str, content: bytes, split: str) -> list[str] | str:
    """Returns the texts that are read from a split's file, or the error message."""
    (folder / "good.csv").write_text("text,label\nx,bad\ny,good\n")
    (folder / name).write_bytes(content)
    files = dict.fromkeys(SPLITS, folder / "good.csv") | {split: folder / name}
    task = Task(name="own", texts=("text",), labels=("bad", "good"), dev=("dev",), test=("test",),
                files=files)  # fmt: skip
    try:
        _, rows = check_task(task, None)
    except InputError as error:
        return str(error)
    return rows[split].texts[0]


def check(folder: Path, name: str, content: bytes, split: str, expected: Expected) -> None:
    """Compares the outcome for a file with the expected one.

    Labels of a test split are not read, so a file whose only error is in its labels is accepted.
    """
    found = outcome(folder, name, content, split)
    if isinstance(found, str):
        assert name in found and len(found) < 1000
    if isinstance(expected, list) or split != "test":
        assert expected in found if isinstance(found, str) else found == expected
    elif isinstance(found, str):
        assert expected in found  # the error is not only in the labels
