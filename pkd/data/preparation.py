"""Checks and tokenises the data of a task, once for all trials."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pkd.data.label_coverage import label_notes
from pkd.data.row_notes import row_notes
from pkd.data.rows import Rows, load_rows, split_exists, with_unlabelled
from pkd.data.tokens import build_tokens
from pkd.errors import InputError, listed, named
from pkd.models.encoder import load_encoder_config, longest_input
from pkd.models.hub import fetch_model
from pkd.models.tokenizer import load_tokenizer
from pkd.tasks.glue import TRAIN_ROWS
from pkd.tasks.task import Task


@dataclass(frozen=True)
class Prepared:
    """A task that is ready to train on.

    Attributes:
        task: the task, without the optional splits that its data lack.
        tokens: the token folder of each split, among them ``task.distilled``, which is the
            training split if the task has no unlabelled rows.
        rows: the number of rows of each split.
    """

    task: Task
    tokens: dict[str, Path]
    rows: dict[str, int]

    @property
    def train(self) -> Path:
        """The token folder of the training split."""
        return self.tokens[self.task.train]

    @property
    def distilled(self) -> Path:
        """The token folder of the rows that get the teacher's signals."""
        return self.tokens[self.task.distilled]

    @property
    def unlabelled_rows(self) -> int:
        """The number of rows in ``distilled`` without a label."""
        return self.rows[self.task.distilled] - self.rows[self.task.train]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found about the data, a sentence each: empty texts, doubled rows, ..."""
        return self.task.notes

    def without_notes(self) -> "Prepared":
        """Returns the same data without the notes, which say nothing about generated data."""
        return replace(self, task=self.task.model_copy(update={"notes": ()}))


def describe_task(prepared: Prepared) -> str:
    """Returns what a user should check, in lines: a summary of an own task, and all notes."""
    name = prepared.task.name
    summary = [_summary(prepared)] if prepared.task.own else []
    return "\n".join([*summary, *(f"note on {name}: {note}" for note in prepared.notes)])


def _summary(prepared: Prepared) -> str:
    """Returns columns, labels and rows of a task, and how its dev split was cut."""
    task, rows = prepared.task, prepared.rows
    apart = [split for split in rows if split != task.distilled or not task.unlabelled]
    splits = ", ".join(f"{split} {rows[split]:,}" for split in apart)
    text = (
        f"{task.name}: text in {' and '.join(map(named, task.texts))}, label in "
        f"{named(task.label)} ({listed(task.labels)}); rows: {splits}"
    )
    if task.unlabelled:
        text += (
            f"\n{task.name} has {prepared.unlabelled_rows:,} unlabelled rows "
            f"({listed(task.unlabelled)}): students learn the teacher's outputs for them, and an "
            "epoch of every method has as many steps as all rows need"
        )
    if task.cuts_dev:
        dev = task.dev[0]
        text += (
            f"\n{task.name} has no dev split: {rows[dev]:,} of its training rows, the same "
            f"share of each label (dev_fraction {task.dev_fraction:g}), are scored as {dev} and "
            "not trained on"
        )
    return text


def check_task(
    task: Task,
    data_dir: Path | None,
    max_train_rows: int | None = None,
    max_dev_rows: int | None = None,
) -> tuple[Task, dict[str, Rows]]:
    """Reads and checks all splits of a task; unlabelled rows follow the training rows.

    Test splits, and dev splits after the first, are left out if a local copy of GLUE lacks them.
    What a user should know about the data is added to the notes of the task.

    Args:
        task: the task.
        data_dir: see `pkd.data.rows.load_rows`.
        max_train_rows: size of a fixed random subset of the training rows; None takes all.
        max_dev_rows: the same for each dev split.

    Returns:
        The task without the splits that were left out, and the rows of each split.

    Raises:
        InputError: for the first error in the data, or if a metric can only be 0.
    """
    lacking = [
        split for split in (*task.dev[1:], *task.test) if not split_exists(task, split, data_dir)
    ]
    dev = tuple(split for split in task.dev if split not in lacking)
    test = tuple(split for split in task.test if split not in lacking)
    task = task.model_copy(update={"dev": dev, "test": test})
    limits = {task.train: max_train_rows} | dict.fromkeys(dev, max_dev_rows)
    rows = {
        split: load_rows(task, split, data_dir, limits.get(split))
        for split in (task.train, *dev, *task.predicted, *task.unlabelled)
    }
    notes = (
        *task.notes,
        *_glue_notes(task, lacking, len(rows[task.train])),
        *label_notes(task, rows),
        *row_notes(task, rows),
    )
    if task.unlabelled:
        others = [rows.pop(split) for split in task.unlabelled]
        rows[task.distilled] = with_unlabelled(rows[task.train], others)
    return task.model_copy(update={"notes": notes}), rows


def _glue_notes(task: Task, lacking: Sequence[str], train_rows: int) -> list[str]:
    """Says what of a task of GLUE is not used."""
    notes = []
    if lacking:
        notes.append(f"the data lack {listed(lacking)}: neither scored nor predicted")
    whole = 0 if task.own else TRAIN_ROWS.get(task.name, 0)
    if train_rows < whole:
        notes.append(f"{train_rows:,} training rows are used; GLUE has {whole:,}")
    return notes


def prepare_task(
    task: Task,
    model: str | Path,
    cache: Path,
    data_dir: Path | None = None,
    max_length: int = 128,
    max_train_rows: int | None = None,
    max_dev_rows: int | None = None,
) -> Prepared:
    """Checks a task's data and tokenises all its splits, once for all trials.

    Args:
        task: the task.
        model: folder or hub id of the encoder; its tokenizer is used.
        cache: folder of all token folders.
        data_dir: see `pkd.data.rows.load_rows`.
        max_length: tokens of the longest row, from 8 to the encoder's limit.
        max_train_rows: see `check_task`.
        max_dev_rows: see `check_task`.

    Raises:
        InputError: if the data, the model or the length cannot be used.
    """
    folder = fetch_model(str(model))
    config = load_encoder_config(folder)
    limit = longest_input(config)
    if not 8 <= max_length <= limit:
        raise InputError(f"max_length is {max_length}, but must be 8..{limit} for {folder}")
    tokenizer = load_tokenizer(folder)
    largest = max(tokenizer.get_vocab().values())
    if largest >= config.vocab_size:
        raise InputError(
            f"the tokenizer in {folder} gives token {largest}, but its config.json has a "
            f"`vocab_size` of {config.vocab_size}: they do not belong together"
        )
    task, rows = check_task(task, data_dir, max_train_rows, max_dev_rows)
    tokens = {
        split: build_tokens(each, tokenizer, max_length, cache) for split, each in rows.items()
    }
    return Prepared(task, tokens, {split: len(each) for split, each in rows.items()})
