"""Copies a study from its URI to a local folder."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from pkd.errors import InputError
from pkd.files.atomic import explained_full_disk
from pkd.files.run_format import (
    CHECKPOINTS,
    DRIVER_FILE,
    ENCODER,
    GIVEN,
    SIGNALS,
    STUDY_FILE,
    TOKENS,
    WEIGHTS,
)
from study.storage.mirror import filesystem_of

_NOT_COPIED = (CHECKPOINTS, WEIGHTS, TOKENS, SIGNALS, ENCODER, GIVEN, DRIVER_FILE)
_THREADS = 16


def _files_of(uri: str) -> Iterator[tuple[str, str]]:
    """Yields (place, relative name) of every file that the analysis or a user may need."""
    filesystem, base = filesystem_of(uri)
    for info in filesystem.get_file_info(fs.FileSelector(base, recursive=True)):
        name = info.path.removeprefix(base).lstrip("/")
        if info.type == fs.FileType.File and name.split("/")[0] not in _NOT_COPIED:
            yield info.path, name


def pull(uri: str, folder: Path) -> int:
    """Copies a study from its URI to a local folder: no caches and no checkpoints.

    Returns:
        The number of copied files.

    Raises:
        InputError: if the URI cannot be read or holds no study.
    """
    try:
        files = list(_files_of(uri.rstrip("/")))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(f"cannot read {uri}: {error}") from None
    if not any(name == STUDY_FILE for _, name in files):
        raise InputError(f"{uri} does not hold a study: it has no {STUDY_FILE}")
    filesystem, _ = filesystem_of(uri.rstrip("/"))

    def copy(file: tuple[str, str]) -> None:
        place, name = file
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        fs.copy_files(place, str(target), filesystem, fs.LocalFileSystem())

    with ThreadPoolExecutor(_THREADS) as pool, explained_full_disk(folder):
        list(pool.map(copy, files))
    return len(files)
