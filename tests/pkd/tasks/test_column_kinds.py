"""Which columns hold texts, and why the others do not."""

from typing import Any

import pytest

from pkd.tasks.column_kinds import why_no_text

SENTENCE = "a few words"
KINDS: dict[str, tuple[list[Any], str | None]] = {
    "texts": ([SENTENCE] * 4, None),
    "a gap": ([SENTENCE] * 3 + [None], None),
    "a blank": ([SENTENCE] * 3 + ["  "], None),
    "NaN": ([SENTENCE] * 3 + [float("nan")], None),
    "a number among texts": ([SENTENCE] * 3 + [7], None),
    "a list among texts": ([SENTENCE] * 3 + [["a"]], None),
    "mostly gaps": ([SENTENCE, None, "", None], "empty in 3 of 4 rows"),
    "half gaps": ([SENTENCE, SENTENCE, "", None], "empty in 2 of 4 rows"),
    "only gaps": ([None, "", " ", None], "empty"),
    "single words": (["word"] * 4, "single words"),
    "words and gaps": (["word"] * 3 + [None], "single words"),
    "numbers": ([1, 2.5, 3, None], "numbers"),
    "numbers as texts": (["1", "2.5", "-3e4", ""], "numbers"),
    "dates": (["2020-01-31", "2020-02-01 12:30", "2021-03-04T05:06:07.8Z"], "dates"),
    "local dates": (["31.1.2020", "1/2/2020 5:06 PM"], "dates"),
    "true and false": ([True, False, None], "true and false"),
    "lists": ([["a"], ["b"]], "values of another type than text"),
}


@pytest.mark.parametrize("case", KINDS)
def test_a_column_is_text_if_most_of_it_is(case: str) -> None:
    values, expected = KINDS[case]
    assert why_no_text(values) == expected
