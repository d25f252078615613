"""One event of a study's ledger: a JSON file that says what it is and where it belongs.

``ledger/<stage>/<cell>/<trial>/{start,report-0001,…,end}.json``; a cell is
``<task>-<depth>-<method>``. Every released version wrote a checksum into each event; version 0.1.0
did not write the study's id.
"""

import json
import re
import zlib
from pathlib import Path
from typing import Any, NoReturn

from pkd.errors import shown
from pkd.files.run_format import EVENT_FORMAT, DamagedFile, Event, UnreadableFile, check_format
from pkd.files.text_file import read_file

STAGES = ("teachers", "signals", "search", "confirm", "predict")
CELL_NAME = re.compile(r".+-\d+-.+")
TRIAL_NAME = re.compile(r"(trial|seed|job|given)-\d{4,}")
EVENT_FILE = re.compile(r"(start|end|report-\d{4,})\.json")

_LARGEST = 64 << 20  # bytes; a report of 100,000 training steps has 2 MB
_IDENTITY = ("stage", "task", "depth", "method", "trial")
_NEEDED = {
    "start": ("settings",),
    "report": ("epoch", "score", "decision"),
    "end": ("state", "score", "epochs"),
}
_NUMERIC = (
    *("best_epoch", "epoch", "epochs", "epochs_planned", "eval_seconds", "score"),
    *("seconds", "seq", "time", "train_accuracy", "train_seconds"),
)


class MisplacedEvent(DamagedFile):
    """An event belongs to another trial: its folder was copied, renamed or moved.

    Attributes:
        home: folder of the trial that it belongs to.
    """

    def __init__(self, path: Path, reason: str, home: Path) -> None:
        super().__init__(path, reason)
        self.home = home


def read_event(path: Path, study: str | None = None) -> Event:
    """Reads an event and checks it against its checksum, its place and its study.

    Args:
        path: its JSON file in the folder of its trial.
        study: id of the study; None accepts events of any study.

    Returns:
        The event without its checksum.

    Raises:
        UnreadableFile: if the file cannot be opened or is not JSON.
        MisplacedEvent: if it belongs to another trial.
        DamagedFile: if its checksum is missing or differs, if it lacks a key or holds a value of
            another kind, or if it belongs to another file name or another study.
        UnknownFormat: if a newer version wrote it.
    """
    event = _load(path)
    check_format(path, event, EVENT_FORMAT)
    check = event.pop("check", None)
    if check is None:
        raise DamagedFile(path, "it has no checksum")
    try:
        differs = check != checksum(event)
    except UnicodeEncodeError:
        raise DamagedFile(path, "a text in it holds half of a surrogate pair") from None
    if differs:
        raise DamagedFile(path, "its checksum differs")
    if flaw := _flaw(event):
        raise DamagedFile(path, flaw)
    if study is not None and event.get("study", study) != study:
        raise DamagedFile(path, f"it belongs to another study, {shown(event['study'])}")
    _check_place(path, event)
    return event


def checksum(event: Event) -> str:
    """Returns 8 hex digits that depend on every value of an event, so that a flipped bit shows."""
    text = json.dumps(event, sort_keys=True, ensure_ascii=False)
    return f"{zlib.crc32(text.encode()):08x}"


def event_file(event: Event) -> str:
    """Returns the name of an event's file."""
    number = f"-{event['epoch']:04d}" if event["event"] == "report" else ""
    return f"{event['event']}{number}.json"


def _load(path: Path) -> Event:
    try:
        if path.stat().st_size > _LARGEST:
            raise UnreadableFile(path, f"it has more than {_LARGEST >> 20} MB")
        event = json.loads(read_file(path), parse_constant=_refuse)
    except (OSError, ValueError) as error:
        # The text of an OSError repeats the path, which messages name already.
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableFile(path, reason) from None
    except RecursionError:
        raise UnreadableFile(path, "it holds too many brackets") from None
    if not isinstance(event, dict):
        raise DamagedFile(path, "it holds no JSON object")
    return event


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"it holds {constant}, which is not JSON")


def _flaw(event: Event) -> str | None:
    """Why the content of an event cannot be used, or None if it can."""
    kind = event.get("event")
    if not isinstance(kind, str) or kind not in _NEEDED:
        return f"its event is {shown(kind)}" if "event" in event else "it lacks event"
    if absent := [k for k in ("format", "seq", *_IDENTITY, *_NEEDED[kind]) if k not in event]:
        return f"it lacks {', '.join(absent)}"
    for key in _NUMERIC:
        if not isinstance(event.get(key), int | float | None):
            return f"its {key} is {shown(event[key])}, which is not a number"
    for key in ("seq", "epoch", "epochs"):
        if not isinstance(event.get(key, 0), int):
            return f"its {key} is {shown(event[key])}, which is not a whole number"
    return _flaw_of_metrics(event) or _flaw_of_settings(event)


def _flaw_of_metrics(event: Event) -> str | None:
    splits = event.get("metrics") or {}
    if not isinstance(splits, dict) or not all(isinstance(m, dict) for m in splits.values()):
        return "its metrics are not {split: {metric: value}}"
    for split, values in splits.items():
        for name, value in values.items():
            if not isinstance(value, int | float | None):
                return f"its metric {split}/{name} is {shown(value)}, which is not a number"
    return None


def _flaw_of_settings(event: Event) -> str | None:
    settings = event.get("settings", {})
    if not isinstance(settings, dict):
        return "its settings are not a mapping"
    if wrong := [name for name in settings if not name.isidentifier()]:
        return f"a setting cannot be named {shown(wrong[0])}"
    return None


def _check_place(path: Path, event: Event) -> None:
    """Checks that an event lies where its content says."""
    belongs = _trial_place(event)
    trial, ledger = path.parent, path.parents[3]
    if (home := ledger.joinpath(*belongs)) != trial:
        name = shown("/".join(belongs))[1:-1]
        safe = belongs[0] in STAGES and CELL_NAME.fullmatch(belongs[1]) and "/" not in belongs[1]
        if not safe or not TRIAL_NAME.fullmatch(belongs[2]):
            raise DamagedFile(path, f"it belongs to {name}, which no trial can be")
        if home.exists():
            raise MisplacedEvent(path, f"it is a copy of {name}", home)
        raise MisplacedEvent(path, f"it was moved here from {name}", home)
    if (name := event_file(event)) != path.name:
        raise DamagedFile(path, f"it is a copy of {name}")


def _trial_place(event: Event) -> tuple[str, str, str]:
    """The stage, cell and trial that an event names."""
    values: list[Any] = [event[key] for key in _IDENTITY]
    stage, task, depth, method, trial = map(str, values)
    return stage, f"{task}-{depth}-{method}", trial
