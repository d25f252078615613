"""Finds the file of each split in a folder of data, by the usual spellings of their names."""

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from pkd.errors import InputError, listed
from pkd.files.row_parsers import SUFFIXES

# The first name of each is its name as a split, but `validation` stays `validation`.
_SPELLINGS = {
    "train": ("train", "training"),
    "dev": ("dev", "devel", "development", "val", "valid", "validation", "eval", "evaluation"),
    "test": ("test", "testing"),
    "unlabelled": ("unlabelled", "unlabeled", "unsup", "unsupervised"),
}
_SPLIT_OF = {name: split for split, names in _SPELLINGS.items() for name in names} | {
    "validation": "validation"
}
# Other types that data come in: such files cannot be read, so they are named.
_OTHER_TYPES = (
    *(".json", ".txt", ".xls", ".xlsx", ".ods", ".arrow", ".feather", ".pkl", ".data"),
    *(".gz", ".bz2", ".xz", ".zst", ".zip"),
)
_DEV = {"dev", "validation"}
# Older data sets of the hub have a digest at the end.
_HUB_FILE = re.compile(r"(?P<split>.+)-[0-9]{5}-of-(?P<total>[0-9]{5})(-[0-9a-f]{16})?")


@dataclass(frozen=True)
class FolderFiles:
    """The data files of a folder.

    Attributes:
        splits: the absolute path of each split's file; ``train`` is among them.
        unused: other files and folders that may hold data, relative to the training file's.
    """

    splits: dict[str, Path]
    unused: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence about the files that are not used, if there are any."""
        if not self.unused:
            return ()
        train = self.splits["train"].name
        return (f"beside {train}, not used: {listed(self.unused)} (a task file can name files)",)


def split_files(folder: Path) -> FolderFiles:
    """Finds the splits of a folder, or of its folder ``data`` if only that one has them.

    Names count in upper and lower case, in the usual spellings (``val``, ``valid``, ``dev``, ...),
    and as the Hugging Face hub writes them (``train-00000-of-00001.parquet``).

    Raises:
        InputError: if there is no training file, or if two files hold the same split.
    """
    places = [folder, folder / "data"] if (folder / "data").is_dir() else [folder]
    for place in places:
        entries = _entries(place)
        splits = _by_split(place, entries)
        if "train" in splits:
            others = [path for other in places if other != place for path in _entries(other)]
            return _found(splits, [*entries, *others])
    names = [f"train{suffix}" for suffix in SUFFIXES]
    there = [path.name for path in _unused(_entries(folder), ())]
    raise InputError(
        f"the folder {folder} is not a task: it holds none of {listed(names)}"
        + (f"; it holds {listed(there)}: rename the training file" if there else "")
    )


def files_beside(train: Path) -> FolderFiles:
    """Finds the splits beside a training file; none if its name does not begin with ``train``.

    Raises:
        InputError: if the folder cannot be read, or if two files hold the same split.
    """
    folder = train.parent
    entries = _entries(folder) if folder.is_dir() else []
    splits = {"train": train}
    if train.name.casefold().startswith("train"):
        splits |= _by_split(folder, [path for path in entries if split_of(path) != "train"])
    return _found(splits, entries)


def split_of(path: Path) -> str | None:
    """Returns the split that the name of a file spells, or None."""
    name = path.stem.casefold()
    hub = _HUB_FILE.fullmatch(name)
    return _SPLIT_OF.get(hub["split"] if hub else name)


def unlinked_folder(path: Path) -> Path:
    """Returns an absolute path without links in its folder.

    The file keeps its name, which says its type: a cache of the hub links it to a file without.
    """
    return path.parent.resolve() / path.name


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"cannot read the folder {folder}: {error.strerror}") from None


def _by_split(folder: Path, entries: Sequence[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in entries:
        split = split_of(path)
        if split is None or path.suffix.lower() not in SUFFIXES:
            continue
        rival = next((f for s, f in found.items() if s == split or {s, split} == _DEV), None)
        if rival is not None:
            raise InputError(
                f"{folder} holds both {rival.name} and {path.name}: keep one, or join them"
            )
        hub = _HUB_FILE.fullmatch(path.stem)
        if hub and int(hub["total"]) > 1:
            raise InputError(
                f"{folder}: {path.name} is one of {int(hub['total'])} files of {split}: join them "
                f"into {split}{path.suffix} (for example with pandas.concat) and move them away"
            )
        found[split] = path
    return {split: found[split] for split in _SPLIT_OF.values() if split in found}


def _found(splits: dict[str, Path], entries: Sequence[Path]) -> FolderFiles:
    absolute = {split: unlinked_folder(path) for split, path in splits.items()}
    unused = _unused(entries, splits.values())
    return FolderFiles(
        absolute, tuple(os.path.relpath(path, splits["train"].parent) for path in unused)
    )


def _unused(entries: Sequence[Path], used: Collection[Path]) -> list[Path]:
    return [path for path in entries if path not in used and _may_hold_data(path)]


def _may_hold_data(path: Path) -> bool:
    if path.name.partition(".")[0].casefold() in _SPLIT_OF:
        return True
    return path.is_file() and path.suffix.lower() in (*SUFFIXES, *_OTHER_TYPES)
