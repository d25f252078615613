"""A study at a URI: nodes publish what they write, and fetch and cache what they read."""

import functools
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from filelock import FileLock
from pyarrow import fs

from pkd.errors import PkdError
from pkd.files.atomic import explained_full_disk, remove
from pkd.files.cache import MANIFEST, compare, verify
from pkd.runtime.redaction import without_secrets

# Cached folders that were used in the last seconds are not deleted to make room.
_IN_USE_S = 600
_THREADS = 16


class StoreError(PkdError):
    """The storage of ``--out`` fails; the same command continues the study later."""

    transient = True


@dataclass(frozen=True)
class Mirror:
    """A URI and this node's cache of it.

    Args:
        uri: of the study's folder.
        root: folder of the cache, the same path on every node.
        limit_bytes: above this size, tokens, signals and weights that were not used recently are
            deleted from the cache; the storage keeps them.
    """

    uri: str
    root: Path
    limit_bytes: int

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Leaves the secrets of the URI out: Ray Tune writes the settings of trials to a file."""
        shown = without_secrets(self.uri)
        if shown == self.uri or not _share(self.root, self.uri):
            return Mirror, (self.uri, self.root, self.limit_bytes)
        return _received, (shown, self.root, self.limit_bytes)

    def fetch(self, path: Path) -> Path:
        """Copies a file or folder from the storage to the cache.

        One process of a node copies, the others wait. A folder with a manifest is copied only if
        its manifest differs from the cached one, and is checked against it. A path that is not in
        the storage is deleted from the cache.

        Raises:
            CacheError: if the copy is damaged.
            StoreError: if the storage fails.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f"{path.name}.fetch.lock")):
            kind = self._kind(path)
            if kind == fs.FileType.NotFound:
                remove(path)
            elif kind == fs.FileType.File:
                self._download(path, path)
            elif not self._is_current(path):
                partial = path.with_name(f"{path.name}.fetched")
                shutil.rmtree(partial, ignore_errors=True)
                self._download(path, partial)
                if (partial / MANIFEST).exists():
                    verify(partial)
                shutil.rmtree(path, ignore_errors=True)
                partial.rename(path)
                self._make_room()
            if path.exists():
                os.utime(path)
        return path

    def publish(self, path: Path) -> None:
        """Copies a file or folder to the storage, a folder's manifest last.

        Raises:
            StoreError: if the storage fails.
        """
        files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
        with self._explained(path):
            last = [file for file in files if file.name == MANIFEST]
            with ThreadPoolExecutor(_THREADS) as pool:
                list(pool.map(self._upload, [file for file in files if file not in last]))
            for file in last:
                self._upload(file)

    def delete(self, path: Path) -> None:
        """Deletes a file or folder in the storage and in the cache."""
        with self._explained(path):
            filesystem, place = self._place(path)
            kind = filesystem.get_file_info(place).type
            if kind == fs.FileType.File:
                filesystem.delete_file(place)
            elif kind == fs.FileType.Directory:
                filesystem.delete_dir(place)
        remove(path)

    def exists(self, path: Path) -> bool:
        """Whether a file or folder is in the storage."""
        return bool(self._kind(path) != fs.FileType.NotFound)

    def read(self, path: Path) -> bytes | None:
        """Returns the content of a file in the storage; None if it is missing."""
        filesystem, place = self._place(path)
        with self._explained(path):
            if filesystem.get_file_info(place).type != fs.FileType.File:
                return None
            with filesystem.open_input_stream(place) as stream:
                return bytes(stream.readall())

    def damage(self, folder: Path) -> str | None:
        """Says what is wrong with a folder in the storage: its manifest, or the size of a file.

        Checksums are compared when a node fetches the folder: reading all files again would cost
        as much as fetching them.
        """
        filesystem, place = self._place(folder)
        with self._explained(folder):
            chosen = fs.FileSelector(place, allow_not_found=True, recursive=True)
            sizes = {
                info.path.removeprefix(f"{place}/"): info.size
                for info in filesystem.get_file_info(chosen)
                if info.type == fs.FileType.File
            }
        return compare(self.place(folder), self.read(folder / MANIFEST), sizes)

    def age(self, path: Path) -> float:
        """Seconds since a file's last upload, by the storage's clock; infinite if it has none."""
        probe = path.with_name(f"{path.name}.{os.getpid()}.probe")
        probe.touch()
        self.publish(probe)
        with self._explained(path):
            filesystem, place = self._place(path)
            now, then = filesystem.get_file_info([self._place(probe)[1], place])
        self.delete(probe)
        return float("inf") if then.mtime is None else (now.mtime - then.mtime).total_seconds()

    def place(self, path: Path) -> str:
        """Where a path is in the storage: the URI without its options, which may hold secrets."""
        filesystem, place = self._place(path)
        return f"{filesystem.type_name}:{place}"

    def _place(self, path: Path) -> tuple[fs.FileSystem, str]:
        filesystem, base = filesystem_of(self.uri)
        return filesystem, "/".join((base, *path.relative_to(self.root).parts))

    def _kind(self, path: Path) -> fs.FileType:
        with self._explained(path):
            filesystem, place = self._place(path)
            return filesystem.get_file_info(place).type

    def _is_current(self, folder: Path) -> bool:
        """Whether a cached folder has the manifest of the one in the storage."""
        cached = folder / MANIFEST
        if not cached.exists():
            return False
        return self.read(cached) == cached.read_bytes()

    def _download(self, path: Path, target: Path) -> None:
        filesystem, place = self._place(path)
        whole = target.with_name(f"{target.name}.{os.getpid()}.download")
        with self._explained(path), explained_full_disk(target):
            if filesystem.get_file_info(place).type == fs.FileType.File:
                fs.copy_files(place, str(whole), filesystem, fs.LocalFileSystem())
                whole.replace(target)
            else:
                target.mkdir(parents=True)
                fs.copy_files(place, str(target), filesystem, fs.LocalFileSystem())

    def _upload(self, file: Path) -> None:
        filesystem, place = self._place(file)
        # Object storage shows only whole objects; in a file system, renaming has the same effect.
        renamed = isinstance(filesystem, fs.LocalFileSystem)
        target = f"{place}.{os.getpid()}.tmp" if renamed else place
        if renamed:
            filesystem.create_dir(place.rpartition("/")[0])
        fs.copy_files(str(file), target, fs.LocalFileSystem(), filesystem)
        if renamed:
            filesystem.move(target, place)

    def _make_room(self) -> None:
        """Deletes the least recently used cached folders until the rest is below the limit."""
        folders = [
            path
            for pattern in ("tokens/*", "signals/*", "weights/*/*/*")
            for path in self.root.glob(pattern)
            if path.is_dir() and path.suffix not in (".partial", ".fetched")
        ]
        folders.sort(key=lambda path: path.stat().st_mtime)
        total = sum(map(_size, folders))
        newest = max((path.stat().st_mtime for path in folders), default=0.0)
        for path in folders:
            if total <= self.limit_bytes or newest - path.stat().st_mtime < _IN_USE_S:
                return
            total -= _size(path)
            shutil.rmtree(path)

    def _explained(self, path: Path) -> "_Explained":
        return _Explained(self.place(path))


def _share(root: Path, uri: str) -> bool:
    """Tells a URI to all processes of the cluster; returns whether there is one.

    Private names: `ray.experimental.internal_kv`. It is the only place in a cluster that every
    process can read by name, and that is not written to a disk.
    """
    from ray.experimental import internal_kv

    connected = bool(internal_kv._internal_kv_initialized())
    if connected:
        internal_kv._internal_kv_put(_key(root), uri.encode(), overwrite=True)
    return connected


def _received(shown: str, root: Path, limit_bytes: int) -> Mirror:
    """Returns the mirror that a process of the cluster has shared."""
    from ray.experimental import internal_kv

    connected = internal_kv._internal_kv_initialized()
    uri = internal_kv._internal_kv_get(_key(root)) if connected else None
    return Mirror(uri.decode() if uri else shown, root, limit_bytes)


def _key(root: Path) -> bytes:
    return f"pkd-study-uri:{root}".encode()


class _Explained:
    """Turns pyarrow's errors of a failing storage into `StoreError`."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, (OSError, pa.ArrowException)) and not isinstance(error, PkdError):
            raise StoreError(f"the storage of --out fails at {self._where}: {error}") from error


@functools.cache
def filesystem_of(uri: str) -> tuple[fs.FileSystem, str]:
    """Returns the file system of a URI, and the path of the URI's folder in it."""
    filesystem, base = fs.FileSystem.from_uri(uri)
    return filesystem, base.rstrip("/")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
