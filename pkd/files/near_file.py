"""Suggests the file that a user may have meant."""

import os
from pathlib import Path

from pkd.errors import did_you_mean


def near_file(path: Path) -> str:
    """Returns ``; did you mean 'train.csv'?`` for a path that does not exist, or an empty text.

    Only names in the path's own folder are suggested.
    """
    try:
        return "" if path.exists() else did_you_mean(path.name, os.listdir(path.parent))
    except (OSError, ValueError):  # no such folder, a NUL, a name that is too long
        return ""
