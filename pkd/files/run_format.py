"""The format of a study's run folder: its files and folders, ``study.yaml``, ledger events.

The method, the study and the analysis all read run folders through this module. It needs neither
torch nor transformers nor pandas.
"""

import json
import zlib
from pathlib import Path
from typing import Any

from pkd.errors import InputError, PkdError
from pkd.files.near_file import near_file
from pkd.files.yaml_file import read_yaml

# The newest formats that this version reads, and the ones that it writes.
STUDY_FORMAT = 1
EVENT_FORMAT = 1
BENCHMARK_FORMAT = 1

STUDY_FILE = "study.yaml"
DRIVER_FILE = "driver.json"
BENCHMARK_FILE = "benchmark.json"
MODEL_RECORD = "study.json"  # in the folder of each saved model

CHECKPOINTS = "checkpoints"
ENCODER = "encoder"
ENSEMBLES = "ensembles"
GENERATED = "generated"
GIVEN = "given"
LEDGER = "ledger"
LOGS = "logs"
MODELS = "models"
PREDICTIONS = "predictions"
RAY = "ray"
REPORT = "report"
SIGNALS = "signals"
SUPERSEDED = "superseded"
TEACHERS = "teachers"
TOKENS = "tokens"
TRACKERS = "trackers"
WEIGHTS = "weights"

FILES = (DRIVER_FILE, STUDY_FILE)
FOLDERS = (
    *(CHECKPOINTS, ENCODER, ENSEMBLES, GENERATED, GIVEN, LEDGER, LOGS, MODELS, PREDICTIONS),
    *(RAY, REPORT, SIGNALS, SUPERSEDED, TEACHERS, TOKENS, TRACKERS, WEIGHTS),
)

Event = dict[str, Any]


class RunFormatError(PkdError):
    """A file of a run folder cannot be used; the text is a whole message.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


class MissingStudyFile(RunFormatError):
    """A folder has no ``study.yaml``."""

    def __init__(self, path: Path) -> None:
        folder = path.parent
        reason = f"it has no {path.name}" if folder.is_dir() else "the folder does not exist"
        super().__init__(path, f"{folder} is not a run directory: {reason}{near_file(folder)}")


class DamagedFile(RunFormatError):
    """A file holds something else than it should.

    Attributes:
        reason: what is wrong, without the path.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, f"{path} is damaged: {reason}")
        self.reason = reason


class UnreadableFile(DamagedFile):
    """A file cannot be opened or parsed."""


class UnknownFormat(RunFormatError):
    """A file has a format that this version does not read.

    Attributes:
        version: the format that the file names.
    """

    def __init__(self, path: Path, version: object) -> None:
        super().__init__(path, f"{path} was written by a newer version of this project; update it")
        self.version = version


def read_study(path: Path) -> dict[str, Any]:
    """Reads a ``study.yaml`` and checks its format; callers check the keys that they need.

    Args:
        path: the file.

    Raises:
        MissingStudyFile: if there is no such file.
        DamagedFile: if it cannot be read or holds no mapping.
        UnknownFormat: if a newer version wrote it.
    """
    if not path.is_file():
        raise MissingStudyFile(path)
    try:
        study = read_yaml(path)
    except InputError as error:
        raise UnreadableFile(path, " ".join(str(error).split())) from None
    if not isinstance(study, dict):
        raise DamagedFile(path, "it holds no mapping")
    _check_format(path, study, STUDY_FORMAT)
    return study


def read_event(path: Path) -> Event:
    """Reads one event of the ledger and compares its checksum, if it has one.

    Args:
        path: its JSON file.

    Returns:
        The event without its checksum.

    Raises:
        UnreadableFile: if the file cannot be opened or is not JSON.
        DamagedFile: if it holds no JSON object or its checksum differs.
        UnknownFormat: if a newer version wrote it.
    """
    try:
        event = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        # The text of an OSError repeats the path, which messages name already.
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableFile(path, reason) from None
    if not isinstance(event, dict):
        raise DamagedFile(path, "it holds no JSON object")
    _check_format(path, event, EVENT_FORMAT)
    check = event.pop("check", None)
    if check is not None and check != checksum(event):
        raise DamagedFile(path, "its checksum differs")
    return event


def checksum(event: Event) -> str:
    """Returns 8 hex digits that depend on every value of an event, so that a flipped bit shows."""
    text = json.dumps(event, sort_keys=True, ensure_ascii=False)
    return f"{zlib.crc32(text.encode()):08x}"


def _check_format(path: Path, content: dict[str, Any], newest: int) -> None:
    version = content.get("format", newest)
    if not isinstance(version, int) or not 1 <= version <= newest:
        raise UnknownFormat(path, version)
