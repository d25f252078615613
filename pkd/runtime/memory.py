"""Detecting that memory has run out, and freeing memory for a smaller attempt."""

import errno
import gc

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether an error means that a GPU or the machine ran out of memory."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    # torch's CPU allocator and its mapping of files raise plain errors with the system's words.
    words = ("can't allocate memory", "Cannot allocate memory")
    return isinstance(error, RuntimeError) and any(each in str(error) for each in words)


def release_memory() -> None:
    """Frees cached and unreachable memory, so that a smaller attempt may succeed."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
