"""Writing files so that a crash leaves the old one or the new one, never half of one."""

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pkd.errors import CacheError, DiskFull

# A library that fails to write for want of space rarely says so; so little is none.
_NO_SPACE_BYTES = 1 << 16


def write_atomic(path: Path, write: Callable[[Path], None]) -> None:
    """Lets ``write`` fill a temporary file, makes it durable and gives it its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with explained_full_disk(path):
            write(partial)
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def explained_full_disk(path: Path) -> Iterator[None]:
    """Turns whatever a library raises for a full disk into `pkd.errors.DiskFull`.

    Args:
        path: what is being written in the block.
    """
    try:
        yield
    except Exception as error:  # libraries wrap what the disk says in types of their own
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(path) from error
        check_space(path)
        raise


def check_space(path: Path) -> None:
    """Looks whether the disk of a file or folder, which need not be there yet, is full.

    Raises:
        DiskFull: if it is.
    """
    folder = next(each for each in (path, *path.absolute().parents) if each.is_dir())
    if shutil.disk_usage(folder).free < _NO_SPACE_BYTES:
        raise _disk_full(path)


def _disk_full(path: Path) -> DiskFull:
    return DiskFull(
        f"no space left on the disk for {path}: free some, and run the same command again"
    )


def reserve(path: Path, size: int) -> None:
    """Claims the blocks of a file that is about to be memory-mapped.

    Without them, a full disk kills the process with SIGBUS at the first page it cannot store.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, size)


def remove(path: Path) -> None:
    """Deletes a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file atomically; NaN and infinity are refused."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    write_atomic(path, lambda partial: _write_text(partial, text + "\n"))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def map_array(path: Path) -> np.ndarray:
    """Memory-maps an ``.npy`` file.

    Copy-on-write, because torch warns about arrays that cannot be written; nothing is ever
    written and no page is copied. An array of Python objects would be a pickle.

    Raises:
        CacheError: if the file holds anything but numbers.
    """
    try:
        return np.lib.format.open_memmap(path, mode="c")
    except ValueError as error:
        raise CacheError(
            f"{path} is no array of numbers ({error}); delete {path.parent}"
        ) from None
