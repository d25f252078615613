"""Reading a study's ``study.yaml``."""

import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from pkd.errors import InputError
from pkd.files.ledger.reader import read_ledger
from pkd.files.run_format import DamagedFile, RunFormatError, read_study
from study.storage.layout import Layout


def identity_of(layout: Layout) -> tuple[str, str]:
    """Returns a study's name and its id, which no other study of that name has."""
    recorded = read_study_file(layout.study_file)
    return recorded["name"], recorded["id"]


def study_id(layout: Layout) -> str:
    """Returns the id of the study in a run folder: the recorded one, or a new one.

    A ``study.yaml`` that was lost is written again with the id that the events of the ledger name.

    Raises:
        InputError: see `read_study_file`.
    """
    recorded = read_study_file(layout.study_file) if layout.study_file.exists() else {}
    if "id" in recorded:
        return str(recorded["id"])
    events = read_ledger(layout.ledger).events()
    named = Counter(str(event["study"]) for event in events if "study" in event)
    return next((name for name, _ in named.most_common(1)), uuid.uuid4().hex)


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
