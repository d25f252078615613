"""A study from its URI to a folder of this machine: python -m study.pull s3://bucket/run runs/run

Record, predictions, models and report come along; caches and work in progress do not.
"""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from pkd.errors import InputError
from pkd.files.atomic import explained_full_disk
from study.storage.mirror import filesystem_of

_LEFT_BEHIND = ("checkpoints", "weights", "tokens", "signals", "encoder", "given", "driver.json")
_THREADS = 16


def _published(uri: str) -> Iterator[tuple[str, str]]:
    """(place, relative name) of every file of a study that analysis or a user may want."""
    filesystem, base = filesystem_of(uri)
    for info in filesystem.get_file_info(fs.FileSelector(base, recursive=True)):
        name = info.path.removeprefix(base).lstrip("/")
        if info.type == fs.FileType.File and name.split("/")[0] not in _LEFT_BEHIND:
            yield info.path, name


def pull(uri: str, folder: Path) -> int:
    """Copies a study from its storage: record, predictions, models, report; no caches.

    Returns:
        The number of files.

    Raises:
        InputError: if nothing is there.
    """
    try:
        files = list(_published(uri.rstrip("/")))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(f"cannot read {uri}: {error}") from None
    if not any(name == "study.yaml" for _, name in files):
        raise InputError(f"{uri} holds no study: it has no study.yaml")
    filesystem, _ = filesystem_of(uri.rstrip("/"))

    def copy(file: tuple[str, str]) -> None:
        place, name = file
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        fs.copy_files(place, str(target), filesystem, fs.LocalFileSystem())

    with ThreadPoolExecutor(_THREADS) as pool, explained_full_disk(folder):
        list(pool.map(copy, files))
    return len(files)


def main(argv: list[str] | None = None) -> int:
    """Command line; exit 0, or 2 with a message."""
    parser = argparse.ArgumentParser(
        prog="python -m study.pull",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("uri", help="what --out was")
    parser.add_argument("folder", type=Path, help="where to put it")
    options = parser.parse_args(argv)
    try:
        count = pull(options.uri, options.folder)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{count} files in {options.folder}; now: python -m analysis.report {options.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
