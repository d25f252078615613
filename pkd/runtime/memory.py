"""Detecting that memory has run out, and freeing memory for a smaller attempt."""

import gc

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether an error means that a GPU or the machine ran out of memory."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    # torch's CPU allocator raises a plain RuntimeError.
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def release_memory() -> None:
    """Frees cached and unreachable memory, so that a smaller attempt may succeed."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
