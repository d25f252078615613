"""Calls of transformers that load something: quiet, and with one message if they fail."""

import contextlib
from collections.abc import Iterator
from typing import Any

from transformers.utils import logging as transformers_logging

from pkd.errors import InputError, OutOfMemory, PkdError
from pkd.runtime.memory import is_out_of_memory


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silences loading reports and progress bars; the caller checks what was loaded."""
    level = transformers_logging.get_verbosity()
    bars: Any = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()


@contextlib.contextmanager
def explained_loading(what: str) -> Iterator[None]:
    """Replaces any foreign error of the block by one message; `quiet_transformers` besides.

    Args:
        what: what is loaded, e.g. "the model in DIR".

    Raises:
        OutOfMemory: if memory ran out; what is loaded may be intact.
        InputError: for any other error: what is loaded cannot be used.
    """
    try:
        with quiet_transformers():
            yield
    except PkdError:
        raise
    except Exception as error:  # transformers and its libraries raise a dozen types
        if is_out_of_memory(error):
            raise OutOfMemory(
                f"memory ran out while {what} was loaded: close other programs, let fewer trials "
                "run at a time (resources.max_concurrent), or choose a smaller model"
            ) from error
        raise InputError(f"cannot load {what}: {error}") from None
