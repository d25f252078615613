"""Errors whose text is the advice: each message names the thing, its value and what to do."""


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
