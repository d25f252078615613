"""Makes a task of a folder with ``train.csv``: files are splits, and columns are guessed."""

import re
from pathlib import Path
from typing import Any

from pkd.errors import InputError, listed, named
from pkd.files.columns import read_columns
from pkd.files.row_parsers import Quoting
from pkd.tasks.column_guess import Guess, guess_columns, label_keys
from pkd.tasks.folder_files import split_files
from pkd.tasks.label_names import label_key

_DEV, _TEST, _UNLABELLED = ("dev", "validation"), "test", "unlabelled"


def task_of_folder(folder: Path) -> dict[str, Any]:
    """Returns the keys of the task in a folder of data files.

    A training file is required. The dev file is the dev split; without it, the dev split is cut
    from train. The test file is held out if it has labels, and only predicted if not. Students
    learn the teacher's outputs for the unlabelled file. The task has the folder's name.

    Args:
        folder: see `pkd.tasks.folder_files.split_files`.

    Returns:
        The keys of a `pkd.tasks.task.Task`.

    Raises:
        InputError: if there is no training file, if two files hold the same split, or if
            several columns may be the text or the label.
    """
    found = split_files(folder)
    train = found.splits["train"]
    guess = guess_columns(train)
    for what, meant, others in (
        ("text", guess.texts, guess.other_texts),
        ("label", (guess.label,), guess.other_labels),
    ):
        if others:
            raise InputError(
                f"{train}: which column holds the {what}, of {listed([*meant, *others])}? "
                f"Name it in a task file: --tasks my_task.yaml --init-task {train} writes "
                "one that you can correct"
            )
    keys = task_of_files(task_name(folder.resolve().name), found.splits, guess)
    notes = (*found.notes, *guess.notes, *keys.get("notes", ()))
    return keys | {"guessed": True, "notes": notes}


def task_of_files(
    name: str, files: dict[str, Path], guess: Guess, quoting: Quoting = "double"
) -> dict[str, Any]:
    """Returns the keys of a task with these files and the columns that were guessed.

    Args:
        name: the task's name.
        files: see `pkd.tasks.folder_files.FolderFiles`.
        guess: the columns of the training file.
        quoting: of the files.

    Raises:
        InputError: if the test file cannot be read.
    """
    keys: dict[str, Any] = {
        "name": name,
        "texts": guess.texts,
        "label": guess.label,
        "labels": guess.labels,
        "files": files,
        "quoting": quoting,
    }
    if dev := [split for split in files if split in _DEV]:
        keys["dev"] = tuple(dev)
    if _UNLABELLED in files:
        keys["unlabelled"] = (_UNLABELLED,)
    if _TEST in files:
        values = read_columns(files[_TEST], [], [guess.label], quoting=quoting).get(guess.label)
        labels = label_keys(values or ())
        # Some data sets have -1 for unknown labels. Several other values are wrong labels, which
        # are refused when the rows are read.
        known = len(labels) > 1 or not labels.isdisjoint(map(label_key, guess.labels))
        keys["held_out" if known else "test"] = (_TEST,)
        if not known:
            reason = (
                f"it has no column {named(guess.label)}"
                if values is None
                else f"its column {named(guess.label)} is empty"
                if not labels
                else f"its column {named(guess.label)} holds only {named(labels.pop())}, which is "
                "not a label of train"
            )
            keys["notes"] = (f"{files[_TEST].name} is not scored: {reason}",)
    return keys


def task_name(text: str) -> str:
    """Returns a valid task name that is close to a text."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_")[:64] or "task"
