"""Where a study's files live: a folder that every node sees, or a URI with a copy on each node.

Everything else in this project works on local paths. With a URI (``s3://``, ``gs://``,
``file://``: any file system of pyarrow) these paths are a cache, the same path on every node.
"""

import os
import tempfile
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from pkd.errors import InputError
from pkd.files.atomic import remove
from pkd.files.cache import fingerprint
from study.storage.mirror import Mirror, filesystem_of


class Store(Protocol):
    """What the study asks of its storage; all paths are local and absolute."""

    def fetch(self, path: Path) -> Path:
        """Makes a file or folder present on this node, in its published state if there is one."""

    def publish(self, path: Path) -> None:
        """Lets other nodes see a file or folder that was written here."""

    def delete(self, path: Path) -> None:
        """Deletes a file or folder here and in the storage."""

    def exists(self, path: Path) -> bool:
        """Whether a file or folder is in the storage."""

    def age(self, path: Path) -> float:
        """Seconds since a file was last written, by the storage's own clock; infinite if never."""

    def place(self, path: Path) -> str:
        """Where a file or folder is, for a person."""


class SharedFolder:
    """A plain path that every node sees: nothing is copied."""

    def fetch(self, path: Path) -> Path:
        """The path itself."""
        return path

    def publish(self, path: Path) -> None:
        """Nothing to do."""

    def delete(self, path: Path) -> None:
        """Deletes a file or folder."""
        remove(path)

    def exists(self, path: Path) -> bool:
        """Whether it exists."""
        return path.exists()

    def age(self, path: Path) -> float:
        """Seconds since it was last written, by the clock of the disk, which all hosts share."""
        probe = path.with_name(f"{path.name}.{os.getpid()}.probe")
        probe.touch()
        try:
            return probe.stat().st_mtime - path.stat().st_mtime
        except FileNotFoundError:
            return float("inf")
        finally:
            probe.unlink(missing_ok=True)

    def place(self, path: Path) -> str:
        """The path."""
        return str(path)


def is_uri(out: str) -> bool:
    """Whether ``--out`` names a pyarrow file system and not a plain path."""
    return "://" in out


def open_store(out: str) -> tuple[Store, Path]:
    """The storage behind ``--out`` and the local folder to work in.

    Args:
        out: a path or a URI. ``PKD_STUDY_CACHE`` moves a URI's local cache (the same path on
            every node), ``PKD_STUDY_CACHE_GB`` limits its tokens, signals and weights (50).

    Raises:
        InputError: if the URI is of no known kind or cannot be reached.
    """
    if not is_uri(out):
        return SharedFolder(), resolved(Path(os.path.expanduser(out)))
    uri = out.rstrip("/")
    try:
        filesystem, base = filesystem_of(uri)
        if not base:
            raise ValueError("it names no folder")
        filesystem.get_file_info(base)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(
            f"--out {out} cannot be used: {error}. Give a path, or a URI that pyarrow knows, e.g. "
            "s3://bucket/folder?region=eu-central-1, gs://bucket/folder, file:///mnt/shared/folder"
        ) from None
    caches = os.environ.get("PKD_STUDY_CACHE")
    parent = Path(caches or f"{tempfile.gettempdir()}/pkd-study-{os.getuid()}")
    gigabytes = float(os.environ.get("PKD_STUDY_CACHE_GB", "50"))
    return Mirror(uri, parent / fingerprint(uri), int(gigabytes * 1e9)), parent / fingerprint(uri)


def resolved(path: Path) -> Path:
    """The absolute path without symbolic links.

    Raises:
        InputError: if it cannot be followed.
    """
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # e.g. a loop of symbolic links
        raise InputError(f"{path} cannot be followed: {error}") from None
