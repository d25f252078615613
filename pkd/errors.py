"""Errors whose text is the advice: each message names the thing, its value and what to do."""

from collections.abc import Sequence


class PkdError(Exception):
    """Root of the errors that this project raises on purpose.

    Attributes:
        transient: whether the same may well succeed a little later.
    """

    transient = False


class InputError(PkdError):
    """Something the user gave (option, file, row, model) cannot be used; nothing was trained."""


class HubUnreachable(InputError):
    """Data or weights have to come from the Hugging Face hub and it does not answer."""


class CacheError(PkdError):
    """A file of ours (tokens, signals, checkpoint) is damaged and must not be used."""


class DiskFull(PkdError):
    """A file could not be written because its disk or quota is full; nothing torn is left."""


class TrainingError(PkdError):
    """A trial cannot go on: its loss or its score is no longer a finite number."""


class ExportError(PkdError):
    """A model cannot be turned into a file that predicts the same."""


def shown(value: object, most: int = 100) -> str:
    """A value as a message shows it: its `repr`, cut after ``most`` characters."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write integers of more than 4300 digits
        return "a very long number"
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def listed(names: Sequence[str], most: int = 20) -> str:
    """Names as a message lists them: the first ``most``, and how many more there are."""
    first = ", ".join(
        name if name.isprintable() and len(name) < 100 else shown(name) for name in names[:most]
    )
    return first + (f" and {len(names) - most:,} more" if len(names) > most else "")
