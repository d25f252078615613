"""The state of a training in a file, written atomically and checked before it is read."""

import errno
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from pkd.errors import CacheError
from pkd.files.atomic import write_atomic
from pkd.runtime.memory import is_out_of_memory
from pkd.training.training_loop import TrainingLoop


def save_checkpoint(path: Path, loop: TrainingLoop, extra: dict[str, Any]) -> None:
    """Writes the state of a training loop, and JSON-like ``extra``, atomically."""
    state = {"trainer": loop.state_dict(), "extra": extra}
    write_atomic(path, lambda partial: torch.save(state, partial))


def check_intact(path: Path) -> None:
    """Checks the checksums of a checkpoint, because torch does not notice a flipped bit.

    Raises:
        CacheError: naming the file.
    """
    try:
        with zipfile.ZipFile(path) as parts:
            damaged = parts.testzip()
    except Exception as error:  # a damaged zip directory raises a dozen types
        if _of_the_machine(error):
            raise
        raise CacheError(f"the checkpoint {path} is damaged ({error})") from None
    if damaged is not None:
        raise CacheError(f"the checkpoint {path} is damaged (the checksum of {damaged} differs)")


def load_checkpoint(path: Path, loop: TrainingLoop) -> dict[str, Any]:
    """Loads what `save_checkpoint` wrote and returns ``extra``. Runs no code from the file.

    Raises:
        CacheError: if the file is damaged.
    """
    try:
        state = torch.load(path, map_location=loop.device, weights_only=True)
        extra: dict[str, Any] = state["extra"]
        loop.load_state_dict(state["trainer"])
    except pickle.UnpicklingError:  # torch's own message suggests to load the file anyway
        raise CacheError(
            f"the checkpoint {path} is damaged or was not written by this project (none of its "
            "code was run): delete it"
        ) from None
    except Exception as error:  # a torn zip, a wrong shape or a foreign file: each means damage
        if _of_the_machine(error):
            raise
        raise CacheError(f"the checkpoint {path} is damaged ({error}); delete it") from error
    return extra


def _of_the_machine(error: Exception) -> bool:
    """Whether memory or disk failed: then the file may be intact and must be kept."""
    if is_out_of_memory(error):
        return True
    # For a damaged zip directory Python seeks outside the file: EINVAL, or no error number.
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)
