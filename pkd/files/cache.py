"""Content-addressed folders: each is built once, under a lock, and checked by its manifest."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from pkd.errors import CacheError, InputError
from pkd.files.atomic import explained_full_disk

MANIFEST = "manifest.json"
_verified: set[Path] = set()


def fingerprint(value: Any) -> str:
    """Returns 16 hex digits that identify a JSON-like value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_digest(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes as hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def folder_digest(folder: Path) -> str:
    """Returns the fingerprint of the files directly in a folder: their names and bytes."""
    return fingerprint({p.name: file_digest(p) for p in sorted(folder.iterdir()) if p.is_file()})


def build_once(root: Path, key: dict[str, Any], build: Callable[[Path], None]) -> Path:
    """Returns the folder for ``key`` under ``root``, and builds it if it does not exist yet.

    Several processes may call this at once: one builds, the others wait. The folder is built
    under a temporary name and renamed once its manifest (key, sizes, checksums) is written, so
    that a crash leaves nothing that looks complete. A damaged folder is built again.

    Args:
        root: parent of all folders of this kind.
        key: everything that the content depends on; JSON-like.
        build: fills the empty folder that it is called with.

    Raises:
        InputError: if ``root`` cannot be made.
        DiskFull: if the disk is full.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {root}: {error.strerror}") from None
    target = root / fingerprint(key)
    with FileLock(root / f"{target.name}.lock"):
        if target.exists():
            try:
                return verify(target)
            except CacheError:
                shutil.rmtree(target)
        partial = root / f"{target.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        with explained_full_disk(target):
            build(partial)
            write_manifest(partial, key)
        partial.rename(target)
        _verified.add(target)
    return target


def write_manifest(folder: Path, key: dict[str, Any]) -> None:
    """Writes a folder's manifest: the key, and the size and checksum of each file."""
    files = {
        path.relative_to(folder).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": file_digest(path),
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    manifest = json.dumps({"key": key, "files": files}, indent=1, default=str)
    (folder / MANIFEST).write_text(manifest, encoding="utf-8")


def verify(folder: Path) -> Path:
    """Checks a folder against its manifest: sizes always, checksums once per process.

    Raises:
        CacheError: if a file is missing or damaged; names the file.
    """
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CacheError(f"{folder} has no readable manifest ({error}); delete it") from None
    for name, expected in files.items():
        path = folder / name
        if not path.exists() or path.stat().st_size != expected["bytes"]:
            raise CacheError(f"{path} is missing or has the wrong size; delete {folder}")
        if folder not in _verified and file_digest(path) != expected["sha256"]:
            raise CacheError(f"{path} is damaged (its checksum differs); delete {folder}")
    _verified.add(folder)
    return folder
