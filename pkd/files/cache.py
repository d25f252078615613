"""Content-addressed folders: built once under a lock, complete only with their manifest."""

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
    """16 hex digits that identify a JSON-like value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def folder_digest(folder: Path) -> str:
    """Identifies the names and bytes of the files directly in a folder."""
    return fingerprint({p.name: file_digest(p) for p in sorted(folder.iterdir()) if p.is_file()})


def build_once(root: Path, key: dict[str, Any], build: Callable[[Path], None]) -> Path:
    """Gives the folder for ``key`` under ``root``, building it if it is not there yet.

    Several processes may ask at once: one builds, the others wait. The folder is built under a
    temporary name and renamed when its manifest (key, sizes, checksums) is written, so that a
    crash leaves nothing that looks complete. A damaged folder is built again.

    Args:
        root: where folders of this kind live.
        key: what the content depends on; JSON-like.
        build: fills the empty folder it is given.

    Raises:
        InputError: if ``root`` cannot be a folder.
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
    """Records sizes and checksums of all files of a folder, and what they depend on."""
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
        CacheError: naming the file that is missing or damaged.
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
