"""Tells columns of texts from columns of numbers, dates, identifiers and gaps."""

import re
from collections.abc import Sequence
from typing import Any

from pkd.files.missing_text import is_missing_text

SINGLE_WORDS = "single words"
# Texts have more words than this on average.
_WORDS = 1.5
_DATE = re.compile(
    r"""\d{1,4} ([-/.]) \d{1,2} \1 \d{1,4}
    ([T\ ] \d{1,2} : \d{2} (: \d{2} ([.]\d+)?)? \ ? (Z|UTC|[AP]M|[+-]\d{2}:?\d{2})? )?""",
    re.IGNORECASE | re.VERBOSE,
)


def why_no_text(values: Sequence[Any]) -> str | None:
    """Returns why a column holds no texts that a model could read, or None if it holds some.

    Args:
        values: of the column, row by row. Most of them are texts in a column of texts; gaps and a
            few values of another type do not change that.
    """
    present = [value for value in values if not is_missing_text(value)]
    texts = [value.strip() for value in present if isinstance(value, str)]
    gaps = len(values) - len(present)
    if gaps == len(values):
        return "empty"
    if 2 * gaps >= len(values):
        return f"empty in {gaps:,} of {len(values):,} rows"
    if all(isinstance(value, bool) for value in present):
        return "true and false"
    if 2 * len(texts) <= len(values):
        numbers = all(isinstance(value, (int, float)) for value in present)
        return "numbers" if numbers else "values of another type than text"
    if all(map(_is_number, texts)):
        return "numbers"
    if all(map(_DATE.fullmatch, texts)):
        return "dates"
    words = sum(len(text.split()) for text in texts)
    return None if words > _WORDS * len(texts) else SINGLE_WORDS


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
