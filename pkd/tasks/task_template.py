"""Writes a first task file, which is guessed from a data file and commented."""

import os
from pathlib import Path
from typing import Any

import yaml

from pkd.errors import InputError
from pkd.files.atomic import explained_full_disk
from pkd.tasks.column_guess import Guess, guess_columns
from pkd.tasks.task import METRICS, Task
from pkd.tasks.task_folder import split_files, task_name, task_of_files

_TEMPLATE = """\
# Guessed from {source} ({rows:,} rows): check each line.

name: {name}                # in the names of files and in tables
texts: {texts}              # one or two text columns{other_texts}
label: {label}              # the column of the labels{other_labels}
labels:                     # in the order of their codes
{labels}
metrics: [accuracy]         # any of {metrics}, f1:LABEL; their mean is the score
# class_weights: balanced   # rare labels count more in the loss; or a number for each label
{dev}
{tests}
files:                      # CSV, TSV, JSONL or Parquet, relative to this file's folder
{files}
"""


def init_task(target: Path, data: Path) -> str:
    """Writes a task file.

    Args:
        target: ``*.yaml``, which must not exist.
        data: the training file, or a folder of data files as in `pkd.tasks.task_folder`.

    Returns:
        A message about what was guessed.

    Raises:
        InputError: if the target exists or cannot be written, or the data cannot be read.
    """
    if target.suffix not in (".yaml", ".yml"):
        raise InputError(f"the name of the task file to write is {target}, but must end in .yaml")
    if os.path.lexists(target):
        raise InputError(f"{target} exists and is not overwritten: choose another name")
    files = split_files(data) if data.is_dir() else {"train": data.resolve()}
    guess = guess_columns(files["train"])
    keys = task_of_files(task_name(target.stem), files, guess)
    text = _render(Task.model_validate(keys), guess, target)
    try:
        with explained_full_disk(target), target.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}") from None
    labels = ", ".join(f"{label} {count:,}" for label, count in guess.counts.items())
    return (
        f"{target} is written, guessed from {guess.rows:,} rows: text in "
        f"{' and '.join(guess.texts)}, label in {guess.label} ({labels})"
    )


def _render(task: Task, guess: Guess, target: Path) -> str:
    dev = (
        f"dev_fraction: {task.dev_fraction:g}           # cut from train and scored; or name a "
        "file: dev: [dev]"
        if task.cuts_dev
        else f"dev: {_yaml(task.dev)}                # scored; the first one selects models"
    )
    tests = (
        f"test: {_yaml(task.test)}              # predicted, never scored\n" if task.test else ""
    )
    held_out = _yaml(task.held_out or ("test",))
    tests += ("" if task.held_out else "# ") + (
        f"held_out: {held_out}          # with labels: only final models are scored on it"
    )
    unlabelled = _yaml(task.unlabelled or ("unlabelled",))
    tests += ("\n" if task.unlabelled else "\n# ") + (
        f"unlabelled: {unlabelled}  # no labels: students learn the teacher's outputs"
    )
    folder = target.absolute().parent
    paths = {split: os.path.relpath(path, folder) for split, path in task.files.items()}
    return _TEMPLATE.format(
        source=_yaml(os.path.basename(task.files["train"])),
        rows=guess.rows,
        name=_yaml(task.name),
        texts=_yaml(task.texts),
        other_texts=_alternatives(guess.other_texts),
        label=_yaml(task.label),
        other_labels=_alternatives(guess.other_labels),
        labels="\n".join(f"  - {_yaml(name)}  # {rows:,}" for name, rows in guess.counts.items()),
        metrics=", ".join(METRICS),
        dev=dev,
        tests=tests,
        files="\n".join(f"  {split}: {_yaml(path)}" for split, path in paths.items()),
    )


def _alternatives(columns: tuple[str, ...]) -> str:
    return f"; or is it one of {_yaml(columns)}?" if columns else ""


def _yaml(value: Any) -> str:
    """Returns a text, or a list of texts, as YAML on one line."""
    if not isinstance(value, str):
        return f"[{', '.join(map(_yaml, value))}]"
    # Inside a list, texts with commas and brackets are quoted too.
    text = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=10**9)
    return text.strip()[1:-1]
