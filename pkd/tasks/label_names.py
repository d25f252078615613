"""What the values of a label column mean: one label however its value is written."""

import re
import unicodedata
from typing import Any

# Digits, with or without a fraction of zeros: 2, 2.0, 02, -1. Not 1e3, which may be a name.
_WHOLE = re.compile(r"(?P<digits>[+-]?[0-9]{1,18})(\.0*)?")
# Zero-width characters and byte order marks, which nobody sees.
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060\ufeff"))
_FALSE_WORDS, _TRUE_WORDS = ("false", "no", "off"), ("true", "yes", "on")


def label_name(value: Any) -> str | None:
    """Returns the name of a label: its text without blanks around it, ``2`` for 2.0.

    Args:
        value: of a label column or of `labels`.

    Returns:
        The name, or None for a value that is missing or cannot be a label (a fraction that is not
        a text, a list, ...).
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(int(value)) if value % 1 == 0 else None  # False for NaN and infinity
    if not isinstance(value, str):
        return None
    text = " ".join(value.translate(_INVISIBLE).split())
    whole = _WHOLE.fullmatch(text)
    return (whole["digits"] if whole else text) or None


def label_key(name: str) -> str:
    """Returns a text that is equal for all spellings of one label.

    A whole number is that number (1, 1.0, 01), true and false may have capitals, blanks and the
    way in which accents are stored do not count. Other names differ by upper and lower case.

    Args:
        name: see `label_name`.
    """
    if number := whole_number(name):
        return number
    if name.lower() in ("true", "false"):
        return name.lower()
    return unicodedata.normalize("NFC", name)


def whole_number(name: str) -> str | None:
    """Returns a name that is a whole number in its shortest form, and None for other names."""
    whole = _WHOLE.fullmatch(name)
    return str(int(whole["digits"])) if whole else None


def truth_of(name: str) -> bool | None:
    """Returns True for true, yes and on, False for false, no and off, None for other names."""
    word = name.lower()
    return word in _TRUE_WORDS if word in (*_FALSE_WORDS, *_TRUE_WORDS) else None


def order_of(name: str) -> tuple[float, str]:
    """Sorts whole numbers as numbers, and other names after them by the alphabet."""
    number = whole_number(name)
    return (float("inf") if number is None else float(number), name)
