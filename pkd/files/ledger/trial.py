"""One trial of a study's ledger: the events in its folder, and whether all of them are there."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pkd.errors import shown
from pkd.files.ledger.event import EVENT_FILE, MisplacedEvent, read_event
from pkd.files.run_format import EVENT_FORMAT, DamagedFile, Event, RunFormatError, UnknownFormat

# What a write leaves that was interrupted (see `pkd.files.atomic`), also at a URI.
TEMPORARY = re.compile(r".+\.\d+\.(tmp|download)")

_START, _END = "start.json", "end.json"


@dataclass(frozen=True)
class Problem:
    """What is wrong with a trial.

    Attributes:
        path: the event, or the trial's folder if all of it is concerned.
        reason: a clause, for example ``its checksum differs``.
        error: why the event cannot be used; None if it is missing, or usable but contradicts
            another one.
    """

    path: Path
    reason: str
    error: RunFormatError | None = None

    @property
    def home(self) -> Path | None:
        """The folder that the whole trial was moved from; None for any other problem."""
        if not isinstance(self.error, MisplacedEvent) or EVENT_FILE.fullmatch(self.path.name):
            return None
        home = self.error.home
        return home if home.parent.is_dir() and not home.exists() else None


@dataclass(frozen=True)
class Trial:
    """The files of one trial.

    Attributes:
        folder: ``ledger/<stage>/<cell>/<trial>``.
        events: the usable ones: the start, the reports by epoch, the end.
        problems: what is wrong with the trial.
        foreign: files and folders that are not the study's; nobody reads them.
    """

    folder: Path
    events: list[Event] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    foreign: list[Path] = field(default_factory=list)


def read_trial(folder: Path, study: str | None = None) -> Trial:
    """Reads the events of a trial and checks each by itself and all together.

    Args:
        folder: the trial's folder in the ledger. It may be empty: its driver was killed before
            it wrote the start.
        study: id of the study; None accepts events of any study.
    """
    trial = Trial(folder)
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:  # set aside by a study that runs
        return trial
    except OSError as error:
        trial.problems.append(unreadable(folder, error))
        return trial
    events, unusable = {}, []
    for name in names:
        if not EVENT_FILE.fullmatch(name):
            trial.foreign.extend([folder / name] * (not TEMPORARY.fullmatch(name)))
            continue
        try:
            events[name] = read_event(folder / name, study)
        except DamagedFile as error:
            unusable.append(Problem(folder / name, error.reason, error))
        except UnknownFormat as error:
            reason = f"it has format {shown(error.version)}, but this version reads format"
            unusable.append(Problem(folder / name, f"{reason} {EVENT_FORMAT}", error))
    if not events and len({each.reason for each in unusable}) == 1:
        first = unusable[0]
        if len(unusable) > 1 or isinstance(first.error, MisplacedEvent):
            unusable = [Problem(folder, first.reason, first.error)]
    trial.events.extend(events[name] for name in sorted(events, key=_order))
    present = [name for name in names if EVENT_FILE.fullmatch(name)]
    trial.problems.extend([*unusable, *_gaps(folder, present, events), *_disorder(folder, events)])
    return trial


def wrong_kind(path: Path) -> Problem:
    """Returns the problem of a file that has the name of a folder of the ledger."""
    return Problem(path, "it is not a folder", DamagedFile(path, "it is not a folder"))


def unreadable(folder: Path, error: OSError) -> Problem:
    """Returns the problem of a folder that cannot be listed."""
    reason = error.strerror or str(error)
    return Problem(folder, reason, DamagedFile(folder, reason))


def _order(name: str) -> tuple[int, int]:
    """Sorts the names of a trial's events."""
    if name in (_START, _END):
        return (0 if name == _START else 2), 0
    return 1, _number(name)


def _number(name: str) -> int:
    return int(name.removeprefix("report-").removesuffix(".json"))


def _gaps(folder: Path, present: list[str], events: Mapping[str, Event]) -> list[Problem]:
    """The events that are missing, and the reports that the end does not count."""
    problems = []
    if present and _START not in present:
        problems.append(Problem(folder / _START, "it is missing"))
    numbers = {_number(name) for name in present if name not in (_START, _END)}
    counted = events[_END]["epochs"] if _END in events else max(numbers, default=0)
    # The first gap is found without counting to the end, which a damaged number may put far away.
    first = next(number for number in range(1, len(numbers) + 2) if number not in numbers)
    path = folder / f"report-{first:04d}.json"
    if first <= counted and not path.exists():  # the study that runs may just have written it
        problems.append(Problem(path, "it is missing"))
    if _END in events and (late := sorted(n for n in numbers if n > counted)):
        path = folder / f"report-{late[0]:04d}.json"
        problems.append(Problem(path, f"the trial ended after {counted} reports"))
    return problems


def _disorder(folder: Path, events: Mapping[str, Event]) -> list[Problem]:
    """The events that were written before the one that they follow."""
    names = sorted(events, key=_order)
    return [
        Problem(
            folder / name,
            f"its number {events[name]['seq']} is not above that of {before}, "
            f"{events[before]['seq']}",
        )
        for before, name in zip(names, names[1:], strict=False)
        if events[name]["seq"] <= events[before]["seq"]
    ]
