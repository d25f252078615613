"""Reading a study's ``study.yaml``."""

from pathlib import Path
from typing import Any

from pkd.errors import InputError
from pkd.files.run_format import DamagedFile, RunFormatError, read_study
from study.storage.layout import Layout


def identity_of(layout: Layout) -> tuple[str, str]:
    """Returns a study's name and its id, which no other study of that name has."""
    recorded = read_study_file(layout.study_file)
    return recorded["name"], recorded["id"]


def read_study_file(path: Path) -> dict[str, Any]:
    """Reads the record of a study.

    Raises:
        InputError: if it cannot be read, is not a study's, or was written by a newer version.
    """
    try:
        content = read_study(path)
    except DamagedFile as error:
        raise InputError(f"cannot read the study's record {path}: {error.reason}") from None
    except RunFormatError as error:
        raise InputError(str(error)) from None
    if not isinstance(content.get("config"), dict) or "created" not in content:
        raise InputError(f"{path} is not the record of a study: choose another --out")
    return content
