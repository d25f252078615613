"""One label however its value is written."""

from typing import Any

import pytest

from pkd.tasks.label_names import label_key, label_name, order_of, truth_of

ONE_LABEL: dict[str, list[Any]] = {
    "1": [1, 1.0, "1", "1.0", "1.", "01", "+1", " 1 ", "1.00"],
    "0": [0, 0.0, -0.0, "0", "-0", "0.0", "00"],
    "-1": [-1, -1.0, "-1", "-1.0"],
    "true": [True, "true", "True", "TRUE", " True"],
    "false": [False, "false", "False"],
    "pos": ["pos", "pos ", "\tpos\n", "\u00a0pos", "\ufeffpos", "pos\u200b"],
    "not spam": ["not spam", "not  spam"],
    "caf\u00e9": ["caf\u00e9", "cafe\u0301"],
}


@pytest.mark.parametrize("key", ONE_LABEL)
def test_all_spellings_of_a_label_are_one(key: str) -> None:
    names = [label_name(value) for value in ONE_LABEL[key]]
    assert {label_key(name) for name in names if name is not None} == {key}
    assert None not in names


def test_other_names_stay_different() -> None:
    # 1e3 and 0x1 may be names, and upper and lower case may differ on purpose.
    names = ["Bug", "bug", "1e3", "1000", "0x1", "1.5", "2", "10", "nan", "None", "yes"]
    assert len({label_key(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    "value", [None, "", "  ", 0.5, float("nan"), float("inf"), [1], {"a": 1}, b"x"]
)
def test_a_value_that_cannot_be_a_label_has_no_name(value: Any) -> None:
    assert label_name(value) is None


def test_names_are_shown_as_they_are_written() -> None:
    written = [2.0, "2.0", "007", " a  b ", True, "TRUE"]
    assert [label_name(value) for value in written] == ["2", "2", "007", "a b", "true", "TRUE"]


def test_numbers_are_sorted_as_numbers_before_words() -> None:
    assert sorted(["b", "10", "9", "-1", "a"], key=order_of) == ["-1", "9", "10", "a", "b"]


def test_words_of_truth() -> None:
    assert [truth_of(word) for word in ("No", "yes", "off", "TRUE", "maybe")] == [
        False, True, False, True, None
    ]  # fmt: skip
