"""Guesses the task of a data file and the files beside it, and writes its task file."""

import os
from collections.abc import Sequence
from pathlib import Path

from pkd.errors import InputError, listed, named, near_file
from pkd.files.atomic import explained_full_disk
from pkd.files.columns import read_columns
from pkd.files.row_parsers import Quoting
from pkd.tasks.column_guess import Guess, guess_columns, label_keys
from pkd.tasks.folder_files import files_beside, split_files
from pkd.tasks.label_names import label_key, whole_number
from pkd.tasks.task import Task
from pkd.tasks.task_folder import task_name, task_of_files
from pkd.tasks.task_template import filled_template


def init_task(target: Path, data: Path) -> list[str]:
    """Writes a task file.

    Args:
        target: ``*.yaml``, which must not exist.
        data: the training file, or a folder of data files. The files beside a training file are
            its other splits, see `pkd.tasks.folder_files`.

    Returns:
        Lines about what was guessed.

    Raises:
        InputError: if the target exists or cannot be written, or the data cannot be read.
    """
    if target.suffix not in (".yaml", ".yml"):
        raise InputError(f"the name of the task file to write is {target}, but must end in .yaml")
    if os.path.lexists(target):
        raise InputError(f"{target} exists and is not overwritten: choose another name")
    found = split_files(data) if data.is_dir() else files_beside(data)
    guess, quoting = _guess(found.splits["train"])
    keys = task_of_files(task_name(target.stem), found.splits, guess, quoting)
    task = Task.model_validate(keys)
    coded = _splits_of_codes(task)
    notes = [*found.notes, *guess.notes, *task.notes]
    text = filled_template(task, guess, target, notes, coded)
    try:
        with explained_full_disk(target), target.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}") from None
    return _told(target, task, guess, notes, coded)


def _guess(train: Path) -> tuple[Guess, Quoting]:
    """Guesses the columns, and whether quotes are ordinary characters."""
    try:
        return guess_columns(train), "double"
    except InputError as error:
        try:
            return guess_columns(train, "none"), "none"
        except InputError:
            raise InputError(f"{error}{near_file(train)}") from None


def _splits_of_codes(task: Task) -> list[str]:
    """Returns the scored splits that hold codes where train holds names."""
    if any(map(whole_number, task.labels)):
        return []
    codes = set(map(str, range(len(task.labels))))
    names = set(map(label_key, task.labels))
    found = []
    for split in (*task.dev, *task.held_out):
        if path := task.files.get(split):
            column = read_columns(path, [], [task.label], quoting=task.quoting)
            keys = label_keys(column.get(task.label, ()))
            if keys & codes and not keys & names:
                found.append(split)
    return found


def _told(
    target: Path, task: Task, guess: Guess, notes: Sequence[str], coded: Sequence[str]
) -> list[str]:
    labels = ", ".join(f"{named(label)} {count:,}" for label, count in guess.counts.items())
    lines = [
        f"{target} is written, guessed from {guess.rows:,} rows: text in "
        f"{' and '.join(map(named, guess.texts))}, label in {named(guess.label)} ({labels})"
    ]
    purposes = {
        split: word
        for word, splits in (("held out", task.held_out), ("only predicted", task.test))
        for split in splits
    }
    others = [
        f"{split} in {named(path.name)}" + (f" ({purposes[split]})" if split in purposes else "")
        for split, path in task.files.items()
        if split != task.train
    ]
    if others:
        lines.append(f"other splits: {listed(others)}")
    if task.quoting == "none":
        lines.append("note: quotes are ordinary characters in these files (`quoting: none`)")
    lines += [f"note: {note}" for note in notes]
    if coded:
        lines.append(
            f"note: train has names, but there are codes in {listed(coded)}: put `labels` of the "
            "file in the order of the codes"
        )
    return lines
