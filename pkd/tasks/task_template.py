"""The text of a first task file, with a comment on each line for the user to check."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from pkd.errors import listed
from pkd.shown_text import one_line
from pkd.tasks.column_guess import Guess
from pkd.tasks.task import METRICS, Task

_TEMPLATE = """\
# Guessed from {source} ({rows:,} rows): check each line.
{notes}
name: {name}                # in the names of files and in tables
texts: {texts}              # one or two text columns{other_texts}
label: {label}              # the column of the labels{other_labels}
{labels}
metrics: [accuracy]         # any of {metrics}, f1:LABEL; their mean is the score
# class_weights: balanced   # rare labels count more in the loss; or a number for each label
{dev}
{tests}
files:                      # CSV, TSV, JSONL or Parquet, relative to this file's folder
{files}
{quoting}
"""


def filled_template(
    task: Task, guess: Guess, target: Path, notes: Sequence[str], coded: Sequence[str]
) -> str:
    """Returns the text of a task file.

    Args:
        task: what was guessed.
        guess: the columns.
        target: the file that will hold the text; data files are named relative to it.
        notes: sentences for the user.
        coded: splits with codes in place of label names. The user must then put the labels in the
            order of the codes: they stand in a comment, and the file is refused until that is
            done.
    """
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
        notes="".join(f"# Note: {one_line(note)}.\n" for note in notes),
        name=_yaml(task.name),
        texts=_yaml(task.texts),
        other_texts=_alternatives(guess.other_texts),
        label=_yaml(task.label),
        other_labels=_alternatives(guess.other_labels),
        labels=_labels(guess, coded),
        metrics=", ".join(METRICS),
        dev=dev,
        tests=tests,
        files="\n".join(f"  {split}: {_yaml(path)}" for split, path in paths.items()),
        quoting=("" if task.quoting == "none" else "# ")
        + "quoting: none             # of CSV and TSV: a quote is an ordinary character",
    )


def _labels(guess: Guess, coded: Sequence[str]) -> str:
    lines = ["labels:                     # in the order of their codes"]
    lines += [f"  - {_yaml(name)}  # {rows:,}" for name, rows in guess.counts.items()]
    if coded:
        lines = [
            f"# There are codes in {listed(coded)}: put these names in the order of the codes,",
            "# the name of code 0 first, and take away the # before each line.",
            *(f"# {line}" for line in lines),
        ]
    return "\n".join(lines)


def _alternatives(columns: tuple[str, ...]) -> str:
    return f"; or is it one of {_yaml(columns)}?" if columns else ""


def _yaml(value: Any) -> str:
    """Returns a text, or a list of texts, as YAML on one line."""
    if not isinstance(value, str):
        return f"[{', '.join(map(_yaml, value))}]"
    plain = one_line(value) == value
    # Inside a list, texts with commas and brackets are quoted too.
    text = yaml.safe_dump(
        [value],
        default_flow_style=True,
        default_style=None if plain else '"',  # one line, with escapes
        allow_unicode=plain,
        width=10**9,
    )
    return text.strip()[1:-1]
