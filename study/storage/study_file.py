"""``study.yaml`` as it is read back."""

from pathlib import Path
from typing import Any

from pkd.errors import InputError
from pkd.files.yaml_file import read_mapping
from study.storage.layout import Layout

FORMAT = 1


def identity_of(layout: Layout) -> tuple[str, str]:
    """A study's name, and what tells it from others of that name wherever it lies."""
    recorded = read_study_file(layout.study_file)
    return recorded["name"], recorded["id"]


def read_study_file(path: Path) -> dict[str, Any]:
    content = read_mapping(path, "study's record")
    written_by = content.get("format")
    if isinstance(written_by, int) and written_by > FORMAT:
        raise InputError(f"{path} was written by a newer version of this project; update it")
    if not isinstance(content.get("config"), dict) or "created" not in content:
        raise InputError(f"{path} is no record of a study: choose another --out")
    return content
