"""Guesses which columns of a data file hold texts and labels."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pkd.errors import InputError, listed, named, shown
from pkd.files.columns import Columns, read_columns
from pkd.files.row_parsers import Quoting
from pkd.tasks.column_kinds import SINGLE_WORDS, why_no_text
from pkd.tasks.guess_doubts import check_header, label_doubts, repeats_label
from pkd.tasks.label_names import label_key, label_name, order_of

_LABEL_NAMES = ("label", "labels", "class", "category", "target", "intent", "sentiment")
_NUMBERS_ROWS = "idx"  # read as the numbers of rows
_ROW_NAMES = (_NUMBERS_ROWS, "id")
# A label column has at least this many rows for each value, on average.
_ROWS_PER_LABEL = 2


@dataclass(frozen=True)
class Guess:
    """The columns that were guessed for a data file.

    Attributes:
        texts: one or two text columns, in the order of the file.
        label: the label column.
        counts: rows of each label name; integers in numerical, other names in alphabetical order.
        other_texts: other columns that could be texts.
        other_labels: other columns that could be the label.
        left_out: columns that are not read, and why.
        spellings: the ways in which a label is written, of labels that are written in several.
    """

    texts: tuple[str, ...]
    label: str
    counts: dict[str, int]
    other_texts: tuple[str, ...] = ()
    other_labels: tuple[str, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    spellings: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """The label names."""
        return tuple(self.counts)

    @property
    def rows(self) -> int:
        """The number of rows with a label."""
        return sum(self.counts.values())

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about columns that are left out and labels that look wrong."""
        padded = [name for name, each in self.spellings.items() if _differ_in_blanks(each)]
        notes = [f"blanks around labels are not read: {listed(padded)}"] if padded else []
        notes += [
            f"the label {named(name)} is written {' and '.join(map(shown, spellings))}: read as "
            "one label"
            for name, spellings in self.spellings.items()
            if name not in padded
        ]
        notes += label_doubts(self.counts)
        if self.left_out:
            notes.append(f"columns that are not read: {with_reasons(self.left_out)}")
        return tuple(notes)


def guess_columns(path: Path, quoting: Quoting = "double") -> Guess:
    """Guesses the task of a labelled data file.

    The label column is one that is named ``label`` or similar, or else one with few values. The
    text columns are other columns with several words in most rows; of more than two, the longest
    two. Rows without a text or a label are named when the rows are read.

    Args:
        path: the file, see `pkd.files.columns.read_columns`.
        quoting: see `pkd.files.columns.read_columns`.

    Raises:
        InputError: if the file cannot be read or no column can be the label or the text.
    """
    columns = read_columns(path, None, quoting=quoting)
    names = [name for name in columns if name.lower() not in _ROW_NAMES]
    label, *other_labels = _label_columns(columns, names, path)
    others = [name for name in names if name != label]
    reasons = {name: why_no_text(columns[name]) for name in others}
    texts = [name for name in others if reasons[name] is None]
    # What says the label in other words would give it away.
    copies = [name for name in texts if repeats_label(columns[name], columns[label])]
    if len(copies) < len(texts):
        reasons |= dict.fromkeys(copies, "the label in other words")
        texts = [name for name in texts if name not in copies]
    # Single words are texts only if there is nothing else.
    texts = texts or [name for name in others if reasons[name] == SINGLE_WORDS]
    if not texts:
        found = with_reasons({name: reason for name, reason in reasons.items() if reason})
        raise InputError(
            f"{path}: no column of {listed(names)} holds texts, except the label {shown(label)}"
            + (f" ({found})" if found else "")
        )
    texts.sort(key=lambda name: _length(columns[name]), reverse=True)
    check_header(path, columns, texts[:2], label)
    ids = [name for name in columns if name.lower() in _ROW_NAMES and name != _NUMBERS_ROWS]
    left_out = {name: reason for name, reason in reasons.items() if reason and name not in texts}
    counts, spellings = _counted(columns[label])
    return Guess(
        tuple(sorted(texts[:2], key=names.index)),
        label,
        counts,
        tuple(texts[2:]),
        tuple(other_labels),
        left_out | dict.fromkeys(ids, "the numbers of rows, by its name"),
        spellings,
    )


def with_reasons(columns: dict[str, str]) -> str:
    """Returns a list of columns with the reason for each, for a message."""
    return listed([f"{name or 'one without a name'} ({why})" for name, why in columns.items()])


def label_keys(values: Sequence[Any]) -> set[str]:
    """Returns the labels in a column, see `pkd.tasks.label_names.label_key`."""
    return {label_key(name) for name in map(label_name, values) if name is not None}


def _label_columns(columns: Columns, names: Sequence[str], path: Path) -> list[str]:
    """Returns the label column, and then the other columns that could be it."""
    rows = max(map(len, columns.values()), default=0)
    if not rows:
        raise InputError(f"{path} has no rows below its header")
    distinct = {name: len(label_keys(columns[name])) for name in names}
    possible = [name for name in names if 2 <= distinct[name] <= max(2, rows // _ROWS_PER_LABEL)]
    gaps = {name: sum(label_name(value) is None for value in columns[name]) for name in possible}
    named_label = [name for name in names if name.lower() in _LABEL_NAMES]
    # Gaps are rows without a label, which are refused when the rows are read.
    found = [name for name in named_label if name in possible and 2 * gaps[name] < rows]
    if not named_label:
        found = sorted((name for name in possible if not gaps[name]), key=distinct.__getitem__)
    if not found:
        for name in named_label:
            if distinct[name] == 1 and (only := label_name(columns[name][0])):
                raise InputError(
                    f"{path}: {named(name)} cannot be the label column, as it holds one label, "
                    f"{shown(only)}; a classifier needs two"
                )
        raise InputError(
            f"{path}: {listed(named_label or names)} cannot be the label column, which "
            "has a text, an integer, true or false in every row, and few distinct values"
        )
    return found


def _counted(values: Sequence[Any]) -> tuple[dict[str, int], dict[str, tuple[str, ...]]]:
    """Counts the rows of each label, and collects the spellings of each."""
    names: dict[str, Counter[str]] = {}
    written: dict[str, dict[str, None]] = {}
    for value in values:
        name = label_name(value)
        if name is not None:
            key = label_key(name)
            names.setdefault(key, Counter())[name] += 1
            written.setdefault(key, {})[str(value)] = None
    chosen = {key: counter.most_common(1)[0][0] for key, counter in names.items()}
    counts = {chosen[key]: counter.total() for key, counter in names.items()}
    spellings = {chosen[key]: tuple(each) for key, each in written.items() if len(each) > 1}
    return {name: counts[name] for name in sorted(counts, key=order_of)}, spellings


def _differ_in_blanks(spellings: Sequence[str]) -> bool:
    return len({" ".join(each.split()) for each in spellings}) == 1


def _length(values: Sequence[Any]) -> int:
    return sum(len(value) for value in values if isinstance(value, str))
