"""The format of a study's run folder: its files and folders, and ``study.yaml``.

The method, the study and the analysis all read run folders through this module. It needs neither
torch nor transformers nor pandas.
"""

from pathlib import Path
from typing import Any

from pkd.errors import InputError, PkdError, near_file
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
    check_format(path, study, STUDY_FORMAT)
    return study


def check_format(path: Path, content: dict[str, Any], newest: int) -> None:
    """Checks the format that a file names; without one it has the newest.

    Raises:
        UnknownFormat: if a newer version wrote it.
    """
    version = content.get("format", newest)
    if not isinstance(version, int) or not 1 <= version <= newest:
        raise UnknownFormat(path, version)
