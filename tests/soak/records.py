"""What a soak has done so far: a file of JSON lines that a stopped soak goes on from."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Killed:
    """One kill, or a moment that a study had passed before it could be killed there.

    Attributes:
        study: number of the study.
        wanted: the moment of the schedule; "" if it is not one of the schedule's kills.
        moment: the moment that the study was in; "" if nothing was killed.
        kind: what was killed, one of `tests.soak.kills.EXPECTED`; "" if the moment had passed;
            ``nothing`` if a command ended with an error that no kill explains.
        exit: the driver's exit code; None if it went on and a later kill ended it.
        expected: whether the kill may lead to this exit code.
        lost: how many recorded events were gone afterwards.
        changed: how many recorded events had changed.
        words: the end of what the command printed, if its exit code was not expected.
    """

    study: int
    wanted: str
    moment: str = ""
    kind: str = ""
    exit: int | None = None
    expected: bool = True
    lost: int = 0
    changed: int = 0
    words: str = ""


@dataclass
class Ended:
    """A study that was killed again and again and is complete now.

    Attributes:
        study: its number.
        workers: how many trials ran at once.
        commands: how many commands it took.
        trials: how many trials its ledger has.
        lost: recorded events that were gone at its end.
        changed: recorded events that had changed at its end.
        doubled: trials and event numbers that occur twice.
        trained: epochs that its logs show.
        repeated: how many of them had been trained before.
        compared: events, predictions and weights that are equal to the undisturbed study's.
        differences: those that are not.
        left: processes of its commands that still ran two minutes later.
    """

    study: int
    workers: int
    commands: int
    trials: int
    lost: int
    changed: int
    doubled: int
    trained: int
    repeated: int
    compared: int
    differences: list[str] = field(default_factory=list)
    left: int = 0


@dataclass
class Records:
    """All records of a soak, in a folder."""

    folder: Path
    kills: list[Killed] = field(default_factory=list)
    studies: list[Ended] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self._file.exists():
            for line in self._file.read_text().splitlines():
                record = json.loads(line)
                if "wanted" in record:
                    self.kills.append(Killed(**record))
                else:
                    self.studies.append(Ended(**record))

    @property
    def _file(self) -> Path:
        return self.folder / "records.jsonl"

    def add(self, *records: Killed | Ended) -> None:
        """Appends records to the file."""
        with self._file.open("a") as file:
            for record in records:
                file.write(json.dumps(asdict(record)) + "\n")
                if isinstance(record, Killed):
                    self.kills.append(record)
                else:
                    self.studies.append(record)

    @property
    def done(self) -> int:
        """The number of kills."""
        return sum(bool(record.moment) for record in self.kills)

    def of_study(self, study: int) -> list[Killed]:
        """Returns the records of one study's kills."""
        return [record for record in self.kills if record.study == study]
