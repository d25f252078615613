"""What counts as a missing text."""

from typing import Any

import pytest

from pkd.files.missing_text import is_missing_text


@pytest.mark.parametrize(
    "value",
    [None, float("nan"), "", " \t\n", "\u00a0\u3000", "\u200b", "\ufeff", "\u2060 \u200d", "\x1a"],
)
def test_blank_values_are_missing(value: Any) -> None:
    assert is_missing_text(value)


@pytest.mark.parametrize("value", ["a", " .", "\u200ba", "0", "nan", 0, 1.5, [], "\U0001f600"])
def test_other_values_are_not(value: Any) -> None:
    assert not is_missing_text(value)
