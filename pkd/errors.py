"""The project's errors. Each message names the wrong thing, its value and what to do."""

import difflib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from pkd.shown_text import one_line


class PkdError(Exception):
    """Base class of the errors that this project raises on purpose.

    Attributes:
        transient: whether a retry may succeed.
    """

    transient = False


class InputError(PkdError):
    """An option, file, row or model of the user cannot be used; nothing was trained."""


class HubUnreachable(InputError):
    """Data or weights are needed from the Hugging Face hub, and it does not answer."""


class CacheError(PkdError):
    """A cached file (tokens, signals, checkpoint) is damaged and must not be used."""


class DiskFull(PkdError):
    """A file was not written because the disk or quota is full; no partial file is left."""


class OutOfMemory(PkdError):
    """Memory ran out while a model was loaded; nothing is wrong with the model."""

    transient = True


class TrainingError(PkdError):
    """A trial cannot go on: its loss or its score is not finite."""


class ExportError(PkdError):
    """A model cannot be exported to a file with the same predictions."""


def shown(value: object, most: int = 100) -> str:
    """Returns a value's `repr` for a message, of at most ``most`` characters."""
    try:
        return one_line(repr(value), most)
    except ValueError:  # Python refuses to write integers of more than 4300 digits
        return "a very long number"


def named(name: str) -> str:
    """Returns a name for a message: as it is, or `shown` if it is long or not all visible."""
    return name if name.isprintable() and len(name) < 100 else shown(name)


def listed(names: Sequence[str], most: int = 20) -> str:
    """Returns a list of names for a message: the first ``most``, and how many more there are."""
    first = ", ".join(map(named, names[:most]))
    return first + (f" and {len(names) - most:,} more" if len(names) > most else "")


def did_you_mean(wrong: object, known: Iterable[str]) -> str:
    """Returns ``; did you mean 'train'?`` for the name nearest to a wrong one, or an empty text.

    Upper and lower case count as alike.
    """
    names = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(str(wrong)[:100].casefold(), names, n=1)
    return f"; did you mean {shown(names[near[0]])}?" if near else ""


def near_file(path: Path) -> str:
    """Returns ``; did you mean 'train.csv'?`` for a path that does not exist, or an empty text.

    Only names in the path's own folder are suggested.
    """
    try:
        if path.exists():
            return ""
        # A link that leads nowhere is in the list itself.
        return did_you_mean(path.name, set(os.listdir(path.parent)) - {path.name})
    except (OSError, ValueError):  # no such folder, a NUL, a name that is too long
        return ""


def at_row(where: str, row: int) -> str:
    """Returns a file and one of its rows, counted from 0, for a message."""
    return f"{where}, row {row} (first row is 0)"
