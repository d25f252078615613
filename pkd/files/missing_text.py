"""What counts as a missing text, everywhere alike."""

import math
import unicodedata
from typing import Any


def is_missing_text(value: Any) -> bool:
    """Returns whether a value is null, NaN (null in a column of numbers) or a blank text.

    Blank is a text of nothing but white space, control and zero-width characters, of which a
    tokenizer leaves nothing.
    """
    if isinstance(value, str):
        return all(map(_is_blank, value))
    return value is None or (isinstance(value, float) and math.isnan(value))


def _is_blank(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf")
