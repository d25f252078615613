"""A folder with ``train.csv`` as a task: its files are the splits, its columns are guessed."""

import re
from pathlib import Path
from typing import Any

from pkd.errors import InputError, listed
from pkd.files.columns import read_columns
from pkd.tasks.column_guess import Guess, guess_columns, label_names

_TRAIN, _DEV, _TEST, _UNLABELLED = "train", ("dev", "validation"), "test", "unlabelled"
_TYPES = (".csv", ".tsv", ".jsonl", ".parquet")


def task_of_folder(folder: Path) -> dict[str, Any]:
    """Makes a task of the data files of a folder.

    ``train.*`` is needed; ``dev.*`` or ``validation.*`` selects, else the dev split is cut from
    train; ``test.*`` is held out if it has labels, and only predicted if not; students learn from
    ``unlabelled.*`` what the teacher says of it. The task is called as the folder is.

    Args:
        folder: holds the files, each CSV, TSV, JSONL or Parquet.

    Returns:
        The keys of a `pkd.tasks.task.Task`.

    Raises:
        InputError: if there is no training file, two files are of one split, or a person has to
            say which columns are meant.
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
                f"Say so in a task file: --tasks my_task.yaml --init-task {files[_TRAIN]} writes "
                "one to be corrected"
            )
    return task_of_files(task_name(folder.resolve().name), files, guess)


def task_of_files(name: str, files: dict[str, Path], guess: Guess) -> dict[str, Any]:
    """The keys of a task of some files, with the columns that were guessed.

    Args:
        name: the task's name.
        files: see `split_files`.
        guess: from the training file.
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
        # Some write -1 where a label is not known.
        labels = read_columns(files[_TEST], [], [guess.label]).get(guess.label, [])
        known = not label_names(labels).isdisjoint(guess.labels)
        keys["held_out" if known else "test"] = (_TEST,)
    return keys


def split_files(folder: Path) -> dict[str, Path]:
    """The absolute path of each split's file in a folder; ``train`` is among them.

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
        raise InputError(f"the folder {folder} is no task: it holds none of {listed(names)}")
    return found


def task_name(text: str) -> str:
    """The nearest name that a task can have."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_")[:64] or "task"
