"""Copies a study from its URI to a local folder."""

import tempfile
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
    LEDGER,
    SIGNALS,
    STUDY_FILE,
    TOKENS,
    WEIGHTS,
)
from study.storage.mirror import filesystem_of
from study.storage.study_file import read_study_file

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

    A ledger that is there already becomes that of the study: trials that the study set aside or
    trained again since are not left behind.

    Returns:
        The number of copied files.

    Raises:
        InputError: if the URI cannot be read or holds no study, or if the folder holds another
            study.
    """
    try:
        files = list(_files_of(uri.rstrip("/")))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(f"cannot read {uri}: {error}") from None
    if not any(name == STUDY_FILE for _, name in files):
        raise InputError(f"{uri} does not hold a study: it has no {STUDY_FILE}")
    filesystem, base = filesystem_of(uri.rstrip("/"))
    _check_same_study(filesystem, f"{base}/{STUDY_FILE}", folder)

    def copy(file: tuple[str, str]) -> None:
        place, name = file
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        fs.copy_files(place, str(target), filesystem, fs.LocalFileSystem())

    with ThreadPoolExecutor(_THREADS) as pool, explained_full_disk(folder):
        list(pool.map(copy, files))
    copied = {folder / name for _, name in files}
    for path in (folder / LEDGER).rglob("*"):
        if path.is_file() and path not in copied:
            path.unlink()
    return len(files)


def _check_same_study(filesystem: fs.FileSystem, place: str, folder: Path) -> None:
    """Checks that a folder holds no study yet, or an earlier copy of this one."""
    here = folder / STUDY_FILE
    if not here.exists():
        return
    with tempfile.TemporaryDirectory() as temporary:
        there = Path(temporary) / STUDY_FILE
        fs.copy_files(place, str(there), filesystem, fs.LocalFileSystem())
        ids = [read_study_file(path).get("id") for path in (here, there)]
    if ids[0] != ids[1]:
        raise InputError(
            f"{folder} holds another study ({STUDY_FILE} has the id {ids[0]}, not {ids[1]}): "
            "give another folder"
        )
