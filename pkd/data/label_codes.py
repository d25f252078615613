"""From the values of a label column to the codes of a task's labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pkd.errors import InputError, at_row, did_you_mean, listed, shown
from pkd.tasks.label_names import label_key, label_name, truth_of, whole_number
from pkd.tasks.task import Task


def label_codes(
    values: Sequence[Any], task: Task, split: str, where: str
) -> tuple[np.ndarray, bool]:
    """Returns the code of each value.

    Args:
        values: of the label column of a split.
        task: the task.
        split: the split, for messages.
        where: its file, for messages.

    Returns:
        (rows,) int64 codes, and whether some values are codes and not names.

    Raises:
        InputError: for the first value that is not a label; names the row.
    """
    names = _Names(task)
    known: dict[tuple[type, Any], tuple[int, bool] | None] = {}
    labels, coded = np.empty(len(values), dtype=np.int64), False
    for row, value in enumerate(values):
        plain = isinstance(value, (str, int, float))  # others may have no hash
        key = (type(value), value if plain else None)
        if key not in known:
            known[key] = names.find(value) if plain else None
        found = known[key]
        if found is None:
            raise InputError(f"{at_row(where, row)}: {names.refusal(value, split)}")
        labels[row] = found[0]
        coded = coded or found[1]
    return labels, coded


class _Names:
    """The labels of a task by all their spellings.

    Codes count only where the user, or GLUE, wrote the labels in their order, and where they
    cannot be meant as names: stars from 1 to 3 are these names, and not the codes 1, 2 and 3.
    Where true is the first label, 1 would be the code of false.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._codes = {label_key(name): code for code, name in enumerate(task.labels)}
        truths = [truth_of(name) for name in task.labels]
        # True is the label yes of no and yes.
        self._of_truth = {truth: code for code, truth in enumerate(truths)}
        if sorted(map(str, truths)) != ["False", "True"]:
            self._of_truth = {}
        self._names_are_numbers = any(map(whole_number, task.labels))
        self._takes_codes = not (
            task.guessed or self._names_are_numbers or list(self._codes) == ["true", "false"]
        )

    def find(self, value: Any) -> tuple[int, bool] | None:
        """Returns the code of a value and whether the value is a code, or None."""
        name = label_name(value)
        if name is None:
            return None
        code = self._codes.get(label_key(name))
        if code is None and isinstance(value, bool):
            code = self._of_truth.get(value)
        if code is not None:
            return code, False
        return self._code(name) if self._takes_codes else None

    def _code(self, name: str) -> tuple[int, bool] | None:
        number = whole_number(name)
        if number is None or not 0 <= int(number) < len(self._task.labels):
            return None
        return int(number), True

    def refusal(self, value: Any, split: str) -> str:
        """Returns what is wrong with a value that is not a label."""
        task, name = self._task, label_name(value)
        if task.guessed and name and not self._names_are_numbers and self._code(name):
            return (
                f"train has names ({listed(task.labels)}), but {split} has codes, as "
                f"{shown(value)}; which label each code means cannot be guessed: write a task "
                f"file (--tasks my_task.yaml --init-task {task.files[task.train]}) with `labels` "
                "in the order of the codes"
            )
        codes = f" (or their codes 0..{len(task.labels) - 1})" if self._takes_codes else ""
        text = (
            f"label {shown(value)} is not one of the labels of task {task.name}: "
            f"{listed(task.labels)}{codes}"
        )
        if name is None and not isinstance(value, (int, float, list, dict)):
            return f"{text}. Each row needs a label: fill it in, or drop the row"
        if isinstance(value, bool):
            return f"{text}. For true and false, write `labels: [false, true]`"
        return text + did_you_mean(name or value, task.labels)
