"""Atomic writes: a crash leaves the old file or the new one, never half of a file."""

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

# Less than this counts as a full disk: libraries rarely report why a write failed.
_NO_SPACE_BYTES = 1 << 16


def write_atomic(path: Path, write: Callable[[Path], None]) -> None:
    """Writes a file under a temporary name, flushes it to the disk, and renames it.

    Args:
        path: the file; its folder is made if it is missing.
        write: called with the temporary path.

    Raises:
        DiskFull: if the disk is full.
    """
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
    """Replaces any error that a full disk causes in the block by `pkd.errors.DiskFull`.

    Args:
        path: the file or folder that the block writes.
    """
    try:
        yield
    except Exception as error:  # libraries wrap an OSError in their own types
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(path) from error
        check_space(path)
        raise


def check_space(path: Path) -> None:
    """Checks the free space on the disk of a file or folder, which need not exist yet.

    Raises:
        DiskFull: if the disk is full.
    """
    folder = next(each for each in (path, *path.absolute().parents) if each.is_dir())
    if shutil.disk_usage(folder).free < _NO_SPACE_BYTES:
        raise _disk_full(path)


def _disk_full(path: Path) -> DiskFull:
    return DiskFull(
        f"no space left on the disk for {path}: free some, and run the same command again"
    )


def reserve(path: Path, size: int) -> None:
    """Allocates the disk blocks of a file that is about to be memory-mapped.

    Otherwise a full disk kills the process with SIGBUS at the first page that cannot be stored.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, size)


def remove(path: Path) -> None:
    """Deletes a file or a folder, if it exists."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file atomically.

    Raises:
        ValueError: for NaN and infinity, which are not JSON.
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    write_atomic(path, lambda partial: _write_text(partial, text + "\n"))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def map_array(path: Path) -> np.ndarray:
    """Memory-maps an ``.npy`` file.

    The mapping is copy-on-write only because torch warns about read-only arrays; nothing is
    written, so no page is copied. Arrays of Python objects are refused: they would be unpickled.

    Raises:
        CacheError: if the file is not an array of numbers.
    """
    try:
        return np.lib.format.open_memmap(path, mode="c")
    except ValueError as error:
        raise CacheError(
            f"{path} is not an array of numbers ({error}); delete {path.parent}"
        ) from None
