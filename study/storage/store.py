"""Where a study's files are: in a folder that every node sees, or at a URI with a cache per node.

All other modules work on local paths. With a URI (``s3://``, ``gs://``, ``file://``: any file
system of pyarrow) these paths are a cache, at the same path on every node.
"""

import os
import tempfile
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from pkd.errors import InputError
from pkd.files.atomic import remove
from pkd.files.cache import damage, fingerprint
from study.storage.mirror import Mirror, filesystem_of


class Store(Protocol):
    """The storage of a study; all paths are local and absolute."""

    def fetch(self, path: Path) -> Path:
        """Makes the published state of a file or folder, if any, available on this node."""

    def publish(self, path: Path) -> None:
        """Makes a file or folder that was written here available to other nodes."""

    def delete(self, path: Path) -> None:
        """Deletes a file or folder on this node and in the storage."""

    def exists(self, path: Path) -> bool:
        """Whether a file or folder is in the storage."""

    def read(self, path: Path) -> bytes | None:
        """Returns the content of a file in the storage; None if it is missing."""

    def damage(self, folder: Path) -> str | None:
        """Says what is wrong with a folder that has a manifest; None if it is whole."""

    def age(self, path: Path) -> float:
        """Seconds since a file was last written, by the storage's clock; infinite if never."""

    def place(self, path: Path) -> str:
        """Where a file or folder is, to be shown to the user."""


class SharedFolder:
    """A plain path that every node sees; nothing is copied."""

    def fetch(self, path: Path) -> Path:
        """Returns the path itself."""
        return path

    def publish(self, path: Path) -> None:
        """Does nothing: every node sees the file already."""

    def delete(self, path: Path) -> None:
        """Deletes a file or folder."""
        remove(path)

    def exists(self, path: Path) -> bool:
        """Whether the path exists."""
        return path.exists()

    def read(self, path: Path) -> bytes | None:
        """Returns the content of a file; None if it is missing."""
        return path.read_bytes() if path.is_file() else None

    def damage(self, folder: Path) -> str | None:
        """Says what is wrong with a folder; see `pkd.files.cache.damage`."""
        return damage(folder)

    def age(self, path: Path) -> float:
        """Seconds since the file was last written, by the clock of the shared disk."""
        probe = path.with_name(f"{path.name}.{os.getpid()}.probe")
        probe.touch()
        try:
            return probe.stat().st_mtime - path.stat().st_mtime
        except FileNotFoundError:
            return float("inf")
        finally:
            probe.unlink(missing_ok=True)

    def place(self, path: Path) -> str:
        """Returns the path as text."""
        return str(path)


def is_uri(out: str) -> bool:
    """Whether ``--out`` is a URI and not a plain path."""
    return "://" in out


def open_store(out: str) -> tuple[Store, Path]:
    """Returns the storage of ``--out`` and the local folder to work in.

    Args:
        out: a path or a URI. The environment variable ``PKD_STUDY_CACHE`` moves a URI's local
            cache (to the same path on every node), and ``PKD_STUDY_CACHE_GB`` (50) limits the
            tokens, signals and weights in it.

    Raises:
        InputError: if pyarrow does not know the URI's scheme or its storage cannot be reached.
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
    """Returns the absolute path without symbolic links.

    Raises:
        InputError: if a link cannot be followed.
    """
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # e.g. a loop of symbolic links
        raise InputError(f"{path} cannot be followed: {error}") from None
