"""Makes a task of a folder with ``train.csv``: files are splits, and columns are guessed."""

import re
from pathlib import Path
from typing import Any

from pkd.errors import InputError, listed
from pkd.files.columns import read_columns
from pkd.tasks.column_guess import Guess, guess_columns, label_names

_TRAIN, _DEV, _TEST, _UNLABELLED = "train", ("dev", "validation"), "test", "unlabelled"
_TYPES = (".csv", ".tsv", ".jsonl", ".parquet")


def task_of_folder(folder: Path) -> dict[str, Any]:
    """Returns the keys of the task in a folder of data files.

    ``train.*`` is required. ``dev.*`` or ``validation.*`` is the dev split; without it, the dev
    split is cut from train. ``test.*`` is held out if it has labels, and only predicted if not.
    Students learn the teacher's outputs for ``unlabelled.*``. The task has the folder's name.

    Args:
        folder: the folder of the files, each CSV, TSV, JSONL or Parquet.

    Returns:
        The keys of a `pkd.tasks.task.Task`.

    Raises:
        InputError: if there is no training file, if two files are of the same split, or if
            several columns may be the text or the label.
    """
    files = split_files(folder)
    guess = guess_columns(files[_TRAIN])
    for what, meant, others in (
        ("text", guess.texts, guess.other_texts),
        ("label", (guess.label,), guess.other_labels),
    ):
        if others:
            raise InputError(
                f"{files[_TRAIN]}: which column holds the {what}, of {listed([*meant, *others])}? "
                f"Name it in a task file: --tasks my_task.yaml --init-task {files[_TRAIN]} writes "
                "one that you can correct"
            )
    return task_of_files(task_name(folder.resolve().name), files, guess)


def task_of_files(name: str, files: dict[str, Path], guess: Guess) -> dict[str, Any]:
    """Returns the keys of a task with these files and the columns that were guessed.

    Args:
        name: the task's name.
        files: see `split_files`.
        guess: the columns of the training file.
    """
    keys: dict[str, Any] = {
        "name": name,
        "texts": guess.texts,
        "label": guess.label,
        "labels": guess.labels,
        "files": files,
    }
    if dev := [split for split in files if split in _DEV]:
        keys["dev"] = tuple(dev)
    if _UNLABELLED in files:
        keys["unlabelled"] = (_UNLABELLED,)
    if _TEST in files:
        # Some data sets have -1 for unknown labels.
        labels = read_columns(files[_TEST], [], [guess.label]).get(guess.label, [])
        known = not label_names(labels).isdisjoint(guess.labels)
        keys["held_out" if known else "test"] = (_TEST,)
    return keys


def split_files(folder: Path) -> dict[str, Path]:
    """Returns the absolute path of each split's file in a folder; ``train`` is among them.

    Raises:
        InputError: see `task_of_folder`.
    """
    found: dict[str, Path] = {}
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"cannot read the folder {folder}: {error.strerror}") from None
    for path in paths:
        split = path.stem
        if path.suffix.lower() not in _TYPES or split not in (_TRAIN, *_DEV, _TEST, _UNLABELLED):
            continue
        rival = next((f for s, f in found.items() if s == split or {s, split} == {*_DEV}), None)
        if rival is not None:
            raise InputError(f"{folder} holds both {rival.name} and {path.name}: keep one")
        found[split] = path.resolve()
    if _TRAIN not in found:
        names = [f"{_TRAIN}{suffix}" for suffix in _TYPES]
        raise InputError(f"the folder {folder} is not a task: it holds none of {listed(names)}")
    return found


def task_name(text: str) -> str:
    """Returns a valid task name that is close to a text."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_")[:64] or "task"
