"""A training's state in a file: written atomically, checked before it is read, never run."""

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
    """Writes a trainer's state, and JSON-like ``extra``, atomically."""
    state = {"trainer": loop.state_dict(), "extra": extra}
    write_atomic(path, lambda partial: torch.save(state, partial))


def check_intact(path: Path) -> None:
    """Compares the checksums of a checkpoint's parts; torch reads a flipped bit as it is.

    Raises:
        CacheError: naming the file.
    """
    try:
        with zipfile.ZipFile(path) as parts:
            damaged = parts.testzip()
    except Exception as error:  # what a damaged directory of parts gives rise to has many types
        if _of_the_machine(error):
            raise
        raise CacheError(f"the checkpoint {path} is damaged ({error})") from None
    if damaged is not None:
        raise CacheError(f"the checkpoint {path} is damaged (the checksum of {damaged} differs)")


def load_checkpoint(path: Path, loop: TrainingLoop) -> dict[str, Any]:
    """Loads what `save_checkpoint` wrote and gives back ``extra``. Runs no code from the file.

    Raises:
        CacheError: if the file is damaged.
    """
    try:
        state = torch.load(path, map_location=loop.device, weights_only=True)
        extra: dict[str, Any] = state["extra"]
        loop.load_state_dict(state["trainer"])
    except pickle.UnpicklingError:  # torch's text advises to read it all the same
        raise CacheError(
            f"the checkpoint {path} is damaged or not one of ours, and nothing of it was run; "
            "delete it"
        ) from None
    except Exception as error:  # a torn zip, a wrong shape, a foreign file: all mean the same
        if _of_the_machine(error):
            raise
        raise CacheError(f"the checkpoint {path} is damaged ({error}); delete it") from error
    return extra


def _of_the_machine(error: Exception) -> bool:
    """Whether memory or disk failed: the file may be whole, and must not be given up for it."""
    if is_out_of_memory(error):
        return True
    # A damaged directory of parts has Python seek where no file is: EINVAL, or no number at all.
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)
