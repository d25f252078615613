"""Guesses which columns of a data file hold texts and labels."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pkd.errors import InputError, listed
from pkd.files.columns import Columns, read_columns

_LABEL_NAMES = ("label", "labels", "class", "category", "target", "intent", "sentiment")
_ROW_NAMES = ("idx", "id")
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
    """

    texts: tuple[str, ...]
    label: str
    counts: dict[str, int]
    other_texts: tuple[str, ...] = ()
    other_labels: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The label names."""
        return tuple(self.counts)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(self.counts.values())


def guess_columns(path: Path) -> Guess:
    """Guesses the task of a labelled data file.

    The label column is one that is named ``label`` or similar, or else one with few values. The
    text columns are other columns with several words; of more than two, the longest two.

    Args:
        path: the file, see `pkd.files.columns.read_columns`.

    Raises:
        InputError: if the file cannot be read or no column can be the label or the text.
    """
    columns = read_columns(path, None)
    names = [name for name in columns if name.lower() not in _ROW_NAMES]
    label, *other_labels = _label_columns(columns, names, path)
    texts = _text_columns(columns, [name for name in names if name != label])
    if not texts:
        raise InputError(
            f"{path}: no column of {listed(names)} holds texts, except the label {label!r}"
        )
    counts = Counter(str(_as_label(value)) for value in columns[label])
    chosen = sorted(texts[:2], key=names.index)
    return Guess(
        tuple(chosen),
        label,
        {name: counts[name] for name in sorted(counts, key=_order)},
        tuple(texts[2:]),
        tuple(other_labels),
    )


def _label_columns(columns: Columns, names: Sequence[str], path: Path) -> list[str]:
    """Returns the label column, and then the other columns that could be it."""
    distinct = {
        name: len(label_names(columns[name]))
        for name in names
        if None not in map(_as_label, columns[name])
    }
    rows = max(map(len, columns.values()), default=0)
    possible = {
        name: count
        for name, count in distinct.items()
        if 2 <= count <= max(2, rows // _ROWS_PER_LABEL)
    }
    named_label = [name for name in names if name.lower() in _LABEL_NAMES]
    found = [name for name in named_label or names if name in possible]
    if not found:
        raise InputError(
            f"{path}: {listed(named_label or names)} cannot be the label column, which "
            "has a text or an integer in every row, and few distinct values"
        )
    return found if named_label else sorted(found, key=possible.__getitem__)


def label_names(values: Sequence[Any]) -> set[str]:
    """Returns the values of a column, texts and integers, that can be label names."""
    return {name for value in values if (name := _as_label(value)) is not None}


def _as_label(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value % 1 != 0:
        return None
    return str(int(value))


def _order(name: str) -> tuple[float, str]:
    return (float(name) if re.fullmatch(r"-?\d+", name) else float("inf"), name)


def _text_columns(columns: Columns, names: Sequence[str]) -> list[str]:
    """Returns the columns of texts, longest first; single words only if there is nothing else."""
    texts = {name: columns[name] for name in names if all(map(_is_text, columns[name]))}
    words = {name: sum(len(value.split()) for value in texts[name]) for name in texts}
    several = [name for name in texts if words[name] > 1.5 * len(texts[name])]
    length = {name: sum(map(len, texts[name])) for name in texts}
    return sorted(several or texts, key=length.__getitem__, reverse=True)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
