"""Values of a label column: names in any spelling, codes where the user wrote the labels."""

from pathlib import Path
from typing import Any

import pytest

from pkd.data.label_codes import label_codes
from pkd.errors import InputError
from pkd.tasks.glue import GLUE
from pkd.tasks.task import Task


def task_of(*labels: Any, guessed: bool = False) -> Task:
    return Task(
        name="own", texts=("text",), labels=labels, files={"train": Path("a.csv")}, guessed=guessed
    )


NLI = ("contradiction", "entailment", "neutral")
READ: dict[str, tuple[Task, list[Any], list[int], bool]] = {
    "names": (task_of(*NLI), ["neutral", "contradiction"], [2, 0], False),
    "codes": (task_of(*NLI), [2, 0.0, "1", "2.0"], [2, 0, 1, 2], True),
    "names and codes": (task_of(*NLI), ["neutral", 1], [2, 1], True),
    "codes of GLUE": (GLUE["rte"], [0, 1], [0, 1], True),
    "padded": (task_of("pos", "neg"), ["pos ", "\tneg"], [0, 1], False),
    "padded labels": (task_of("pos ", " neg"), ["pos", "neg"], [0, 1], False),
    "stars": (task_of(1, 2, 3), ["1.0", 2, "03", 1.0], [0, 1, 2, 0], False),
    "stars with fractions": (task_of("1.0", "2.0"), [1, "2", "1.0"], [0, 1, 0], False),
    "float labels": (task_of(1.0, 2.0), [1, "2"], [0, 1], False),
    "negative": (task_of(-1, 0, 1), ["-1.0", 1, 0.0], [0, 2, 1], False),
    "booleans": (task_of(False, True), [True, "false", "TRUE", "False"], [1, 0, 1, 0], False),
    "booleans, 0 and 1": (task_of(False, True), [1, "0"], [1, 0], True),
    "turned booleans": (task_of(True, False), [True, False, "true"], [0, 1, 0], False),
    "no and yes": (task_of("yes", "no"), [True, False, "no"], [0, 1, 1], False),
    "codes of yes and no": (task_of("yes", "no"), [0, 1], [0, 1], True),
    "off and on": (task_of("Off", "On"), [True, False], [1, 0], False),
    "guessed stars": (task_of("1", "2", guessed=True), [2.0, "1"], [1, 0], False),
    "guessed booleans": (task_of("False", "True", guessed=True), [True, "false"], [1, 0], False),
}


@pytest.mark.parametrize("case", READ)
def test_values_are_read_as(case: str) -> None:
    task, values, expected, coded = READ[case]
    codes, found = label_codes(values, task, "dev", "dev.csv")
    assert (codes.tolist(), found) == (expected, coded)


CODES = (
    r"dev\.csv, row 1 .*: train has names \(.*\), but dev has codes, as {}; which .*--init-task"
)
REFUSED: dict[str, tuple[Task, list[Any], str]] = {
    "codes of guessed names": (task_of(*NLI, guessed=True), ["neutral", "0"], CODES.format("'0'")),
    "number codes": (task_of(*NLI, guessed=True), ["neutral", 1], CODES.format(1)),
    "float codes": (task_of(*NLI, guessed=True), ["neutral", 2.0], CODES.format("2.0")),
    "codes of guessed booleans": (
        task_of("false", "true", guessed=True), [True, 0], CODES.format(0)
    ),
    "no code": (task_of(*NLI, guessed=True), ["neutral", "3"], "label '3' is not one of"),
    "codes of stars": (task_of(1, 2, 3), [1, 0], "label 0 is not one of .*: 1, 2, 3$"),
    "0 of turned booleans": (task_of(True, False), [True, 0], "0 is not one of .*: true, false$"),
    "booleans": (task_of("bad", "good"), ["bad", True], r"write `labels: \[false, true\]`$"),
    "booleans of three": (task_of("no", "yes", "x"), ["x", True], "label True is not one of"),
    "a fraction": (task_of(1, 2), [1, 1.5], "label 1.5 is not one of"),
    "a typing error": (task_of("billing", "bug"), ["bug", "biling"], "did you mean 'billing'"),
    "another case": (task_of("billing", "bug"), ["bug", "BUG"], "did you mean 'bug'"),
    "none": (task_of("billing", "bug"), ["bug", None], "label None is not one of .* Each row"),
    "blank": (task_of("billing", "bug"), ["bug", " "], "label ' ' is not one of .* or drop"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_values_are_refused_with_the_row_and_the_way_out(case: str) -> None:
    task, values, message = REFUSED[case]
    with pytest.raises(InputError, match=message) as caught:
        label_codes(values, task, "dev", "dev.csv")
    assert "dev.csv, row 1 (first row is 0): " in str(caught.value)
