"""What counts as a missing text, everywhere alike."""

import math
from typing import Any


def is_missing_text(value: Any) -> bool:
    """Returns whether a value is null, NaN (null in a column of numbers) or a blank text."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, float) and math.isnan(value))
