"""Content-addressed folders: each is built once, under a lock, and checked by its manifest."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from pkd.errors import CacheError, InputError
from pkd.files.atomic import explained_full_disk
from pkd.files.text_file import open_file, read_file

MANIFEST = "manifest.json"
# Files that a manifest must name; others, e.g. of a file manager, may be added.
_CONTENT = (".json", ".npy", ".safetensors")
# Folders that were verified, with the manifest of that time.
_verified: dict[Path, bytes] = {}


def fingerprint(value: Any) -> str:
    """Returns 16 hex digits that identify a JSON-like value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_digest(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes as hex digits."""
    digest = hashlib.sha256()
    with open_file(path) as file:
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
        _verified[target] = (target / MANIFEST).read_bytes()
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
    if found := damage(folder):
        raise CacheError(f"{found}; delete {folder}")
    return folder


def damage(folder: Path) -> str | None:
    """Compares a folder with its manifest: sizes always, checksums once per process.

    Returns:
        The first file that is missing, damaged or left out of the manifest, and what is wrong with
        it; None if the folder is whole.
    """
    try:
        manifest = read_file(folder / MANIFEST)
    except OSError:
        manifest = None
    paths = [path for path in folder.rglob("*") if path.is_file()]
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}
    if (found := compare(folder, manifest, sizes)) or manifest is None:
        return found
    if _verified.get(folder) != manifest:
        for name, known in json.loads(manifest)["files"].items():
            if file_digest(folder / name) != known["sha256"]:
                return f"{folder / name} is damaged (its checksum differs)"
        _verified[folder] = manifest
    return None


def compare(folder: Path | str, manifest: bytes | None, sizes: Mapping[str, int]) -> str | None:
    """Compares the files of a folder with its manifest, without reading them.

    Args:
        folder: for the text that is returned.
        manifest: the content of the manifest; None if it cannot be read.
        sizes: of the files that are there, in bytes, by their path in the folder.

    Returns:
        As `damage`.
    """
    if manifest is None:
        return f"{folder} has no readable manifest ({MANIFEST})"
    try:
        files = json.loads(manifest)["files"].items()
        expected = {name: (int(each["bytes"]), str(each["sha256"])) for name, each in files}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return f"{folder} has no readable manifest ({MANIFEST}: {error})"
    for name, (size, _) in expected.items():
        if sizes.get(name) != size:
            return f"{folder}/{name} is missing or has the wrong size"
    for name in sorted(sizes.keys() - {*expected, MANIFEST}):
        if name.endswith(_CONTENT):
            return f"{folder}/{MANIFEST} is damaged (it does not name {name})"
    return None


def manifest_digest(folder: Path) -> str | None:
    """Returns the `digest_of` a folder's manifest; None if it cannot be read."""
    try:
        return digest_of(read_file(folder / MANIFEST))
    except OSError:
        return None


def digest_of(manifest: bytes | None) -> str | None:
    """Returns a fingerprint of the files that a manifest names; None if it is damaged."""
    try:
        return None if manifest is None else fingerprint(json.loads(manifest)["files"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
