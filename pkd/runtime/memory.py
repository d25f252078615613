"""Running out of memory: how it shows, and how to go on with less."""

import gc

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a GPU or the machine has no memory left for a tensor."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    # The CPU's allocator has no exception of its own.
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def release_memory() -> None:
    """Gives cached and unreachable memory back, so that a smaller attempt finds room."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
