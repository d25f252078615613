"""The places that a command writes, checked before its work: nothing of another kind stands there.

In a run folder, files have one of some suffixes, and folders are named after a stage, a cell, a
trial or a fingerprint. So whatever writes a file needs no entry here.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from pkd.errors import InputError
from pkd.files.run_format import BENCHMARK_FILE, ENSEMBLES, FILES, FOLDERS, RAY, TEACHERS, TRACKERS

SUFFIXES = frozenset(
    ".csv .html .jinja .jsonl .json .log .md .npy .onnx .parquet .png .pt .safetensors .svg .tex "
    ".txt .yaml .zip".split()
)
FOLDER_NAME = re.compile(
    r"teachers|signals|search|confirm|predict|tables|plots|configs|onnx"  # stages, the report
    r"|[\w-]+-\d+-[\w-]+|(trial|seed|job)-\d+|[0-9a-f]{16}"  # cells, trials, fingerprints
)
_BY_TASK = (TEACHERS, ENSEMBLES)  # the folders in these
_TASK_NAME = re.compile(r"[\w-]+")
_FOREIGN = (RAY, TRACKERS)  # other programs name the files in these


def check_run_folder(
    run_dir: Path, names: Iterable[str] = (*FILES, BENCHMARK_FILE, *FOLDERS)
) -> None:
    """Checks places of a run folder; what does not exist yet is made later.

    Args:
        run_dir: the run folder of a study.
        names: of files and folders in it that will be written; all of a study by default.

    Raises:
        InputError: see `check_file_place` and `check_folder_place`.
    """
    for name in names:
        if name in FOLDERS:
            check_folder_place(run_dir / name, _TASK_NAME if name in _BY_TASK else FOLDER_NAME)
        else:
            check_file_place(run_dir / name)


def check_file_place(path: Path) -> None:
    """Checks that a file can be written to a path, whose folder exists or is made later.

    Raises:
        InputError: if a folder, a pipe, a device or a link that leads nowhere stands there, or if
            this user cannot write in its folder.
    """
    if path.is_dir():
        raise _in_the_way(path, "a folder", "file")
    if path.is_symlink() and not path.exists():
        raise _in_the_way(path, "a link that leads nowhere", "file")
    if path.exists() and not path.is_file():
        raise _in_the_way(path, "a pipe or a device", "file")
    if path.parent.is_dir():
        _check_writable(path.parent)


def check_folder_place(path: Path, names: re.Pattern[str] = FOLDER_NAME) -> None:
    """Checks that files can be written in a folder, and in those below it that a study makes.

    Args:
        path: the folder, which need not exist.
        names: of the folders directly in it.

    Raises:
        InputError: if a file or a link that leads nowhere stands there, if this user cannot write
            in it, or for what `check_file_place` refuses below it.
    """
    if path.is_symlink() and not path.exists():
        raise _in_the_way(path, "a link that leads nowhere", "folder")
    if not path.exists():
        above = next(each for each in path.absolute().parents if os.path.lexists(each))
        if not above.is_dir():
            raise _in_the_way(above, "a file", "folder")
        _check_writable(above)
        return
    if not path.is_dir():
        raise _in_the_way(path, "a file", "folder")
    _check_writable(path)
    if path.name in _FOREIGN:
        return
    for below in path.iterdir():
        if below.suffix in SUFFIXES:
            if not below.is_file():
                check_file_place(below)
        elif below.is_dir() or names.fullmatch(below.name):
            check_folder_place(below)


def _check_writable(folder: Path) -> None:
    effective = os.access in os.supports_effective_ids  # writing asks for them too
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
        raise InputError(
            f"cannot write in {folder}: give this user the right to write there, or name another "
            "folder"
        )


def _in_the_way(path: Path, found: str, wanted: str) -> InputError:
    return InputError(
        f"{path} is {found}, but a {wanted} is to be written there: move it away, or name another "
        "place"
    )
