"""The ledger of a study as a whole: its trials, what is wrong, and what is not the study's."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pkd.files.ledger.event import CELL_NAME, STAGES, TRIAL_NAME
from pkd.files.ledger.trial import TEMPORARY, Problem, Trial, read_trial, unreadable, wrong_kind
from pkd.files.run_format import Event


@dataclass(frozen=True)
class LedgerContent:
    """What a ledger holds.

    Attributes:
        trials: in the order of their folders' names, stage by stage.
        foreign: files and folders that are not the study's; nobody reads them.
    """

    trials: list[Trial] = field(default_factory=list)
    foreign: list[Path] = field(default_factory=list)

    @property
    def damaged(self) -> list[Trial]:
        """The trials that have a problem."""
        return [trial for trial in self.trials if trial.problems]

    def events(self) -> list[Event]:
        """Returns the usable events of all trials, in the order in which they were written."""
        events = (event for trial in self.trials for event in trial.events)
        return sorted(events, key=lambda event: event["seq"])


def read_ledger(
    ledger: Path,
    study: str | None = None,
    stages: Iterable[str] = STAGES,
    cell: str | None = None,
) -> LedgerContent:
    """Reads the ledger of a study, or a part of it.

    Args:
        ledger: its folder; a study that has not begun has none.
        study: id of the study; None accepts events of any study.
        stages: the stages to read.
        cell: the cell to read, for example ``rte-3-kd``; all of them by default.
    """
    found = LedgerContent()
    folders = [
        trial
        for stage in _folders(ledger, STAGES.__contains__, found)
        if stage.name in stages
        for each in _folders(stage, CELL_NAME.fullmatch, found)
        if cell in (None, each.name)
        for trial in _folders(each, TRIAL_NAME.fullmatch, found)
    ]
    # Threads, because reading a large ledger mostly waits for the disk, often a remote one.
    with ThreadPoolExecutor() as pool:
        found.trials.extend(pool.map(partial(read_trial, study=study), folders))
    found.foreign.extend(path for trial in found.trials for path in trial.foreign)
    _find_doubled_numbers(found.trials)
    return found


def _folders(
    folder: Path, is_ours: Callable[[str], object], found: LedgerContent
) -> Iterator[Path]:
    """Yields the folders of the study's names in a folder, and records what else is there."""
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        found.trials.append(Trial(folder, problems=[unreadable(folder, error)]))
        return
    for path in paths:
        if is_ours(path.name) and path.is_dir():
            yield path
        elif is_ours(path.name):
            found.trials.append(Trial(path, problems=[wrong_kind(path)]))
        elif not TEMPORARY.fullmatch(path.name):
            found.foreign.append(path)


def _find_doubled_numbers(trials: Iterable[Trial]) -> None:
    """Adds a problem to each trial that has a number of another one: two drivers wrote them."""
    written = sorted(
        (
            (event["seq"], event.get("time") or 0, trial)
            for trial in trials
            for event in trial.events
        ),
        key=lambda each: each[:2],
    )
    doubled = set()
    for (number, _, first), (again, _, trial) in zip(written, written[1:], strict=False):
        if number == again and trial is not first and trial.folder not in doubled:
            doubled.add(trial.folder)
            other = "/".join(first.folder.parts[-3:])
            reason = f"its event number {number} is that of {other} too, which was written earlier"
            trial.problems.append(Problem(trial.folder, reason))
