"""What looks wrong in a training file whose columns are guessed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pkd.errors import InputError, at_row, listed, named, shown
from pkd.files.columns import Columns
from pkd.tasks.column_kinds import why_no_text
from pkd.tasks.label_names import label_key, label_name, whole_number

# What pandas, Excel and databases write for a missing value.
_MISSING = ("nan", "NaN", "<NA>", "NA", "N/A", "#N/A", "None", "null", "NULL")
# With fewer rows of each label, a column may match the labels by chance.
_FEWEST_ROWS = 2


def check_header(path: Path, columns: Columns, texts: Sequence[str], label: str) -> None:
    """Refuses a file without a header, or with its header again among the rows.

    Args:
        path: the file, for messages.
        columns: all its columns.
        texts: those of the texts.
        label: that of the labels.

    Raises:
        InputError: naming what was taken for a column, or the row that repeats the header.
    """
    names = [label_name(name) for name in (*texts, label)]
    labels = {label_key(name) for name in map(label_name, columns[label]) if name is not None}
    if names[-1] is None or label_key(names[-1]) not in labels:
        return
    rows = zip(*(columns[name] for name in (*texts, label)), strict=True)
    for number, row in enumerate(rows):
        if [label_name(value) for value in row] == names:
            raise InputError(
                f"{at_row(str(path), number)}: it repeats the header, as joined files do: drop it"
            )
    if all(why_no_text([name]) is None for name in texts):
        raise InputError(
            f"{path}: the first row must name the columns, but it seems to be a row of data: "
            f"{shown(texts[0])} with the label {shown(label)}. Add a first row with names, e.g. "
            "text and label"
        )


def repeats_label(values: Sequence[Any], labels: Sequence[Any]) -> bool:
    """Returns whether a column says the label in other words: a value for each, and only for it.

    Args:
        values: of the column, row by row.
        labels: of the label column.
    """
    pairs = {(str(value), label_name(label)) for value, label in zip(values, labels, strict=True)}
    different = {value for value, _ in pairs}, {label for _, label in pairs}
    return len(pairs) == len(different[0]) == len(different[1]) and len(
        values
    ) >= _FEWEST_ROWS * len(pairs)


def label_doubts(counts: Mapping[str, int]) -> list[str]:
    """Says which labels may not be classes: marks of missing labels, numbers with fractions.

    Args:
        counts: rows of each label.
    """
    codes = {whole_number(name) for name in counts}
    # -1 beside 0, 1, ...: the hub's data sets mark rows without a label so.
    unknown = [name for name in counts if whole_number(name) == "-1" and codes >= {"0", "1"}]
    unknown += [name for name in counts if name in _MISSING]
    notes = [
        f"the label {named(name)} ({counts[name]:,} rows) is learnt as a class; if it marks rows "
        "without a label, drop them"
        for name in unknown
    ]
    fractions = [name for name in counts if whole_number(name) is None and _is_fraction(name)]
    if fractions:
        notes.append(
            f"labels are numbers with fractions ({listed(fractions, 3)}); each is learnt as a "
            "class of its own"
        )
    return notes


def _is_fraction(name: str) -> bool:
    whole, point, rest = name.removeprefix("-").partition(".")
    return bool(point) and (whole + rest).isdecimal()
