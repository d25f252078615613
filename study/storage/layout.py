"""Where a study keeps its files."""

from dataclasses import dataclass, field
from pathlib import Path

from pkd.errors import InputError
from study.config.cell import Cell
from study.storage.store import SharedFolder, Store

_FOLDERS = (
    *("ledger", "tokens", "signals", "encoder", "given", "teachers", "models", "checkpoints"),
    *("ensembles", "weights", "predictions", "report", "ray", "logs", "superseded", "generated"),
    "trackers",
)
_CURE = "remove it or give another --out"


@dataclass(frozen=True)
class Layout:
    """The folders under ``--out``; see docs/first_study.md for what is in each.

    Attributes:
        out: where they are on this node.
        store: the storage behind them.
    """

    out: Path
    store: Store = field(default_factory=SharedFolder)

    @property
    def study_file(self) -> Path:
        """The resolved configuration, versions and plan."""
        return self.out / "study.yaml"

    @property
    def ledger(self) -> Path:
        """One JSON file per event."""
        return self.out / "ledger"

    @property
    def tokens(self) -> Path:
        """Tokenised splits."""
        return self.out / "tokens"

    @property
    def signals(self) -> Path:
        """What the teachers say."""
        return self.out / "signals"

    @property
    def encoder(self) -> Path:
        """The pre-trained encoder's files, where other nodes need them."""
        return self.out / "encoder"

    @property
    def given(self) -> Path:
        """Copies of the teachers that were fine-tuned elsewhere."""
        return self.out / "given"

    @property
    def report(self) -> Path:
        """Tables, plots and pages."""
        return self.out / "report"

    @property
    def ray(self) -> Path:
        """Ray Tune's scratch; may be deleted when no study runs."""
        return self.out / "ray"

    @property
    def logs(self) -> Path:
        """The trials' logs."""
        return self.out / "logs"

    @property
    def trackers(self) -> Path:
        """What trackers keep on this machine; the study reads none of it."""
        return self.out / "trackers"

    @property
    def driver(self) -> Path:
        """Who runs the study at the moment."""
        return self.out / "driver.json"

    def check_kinds(self) -> None:
        """Looks whether something of another kind is where the study keeps its own.

        Raises:
            InputError: naming it.
        """
        for path in (self.driver, self.study_file):
            if path.is_dir():
                raise InputError(f"{path} is a folder, but a study keeps a file there: {_CURE}")
        for path in map(self.out.joinpath, _FOLDERS):
            if path.exists() and not path.is_dir():
                raise InputError(f"{path} is a file, but a study keeps a folder there: {_CURE}")

    def teacher(self, task: str) -> Path:
        """The fine-tuned teacher of a task."""
        return self.out / "teachers" / task

    def further_teacher(self, task: str, trial: str) -> Path:
        """Another fine-tuned teacher of a task's ensemble."""
        return self.out / "ensembles" / task / trial

    def model(self, cell: Cell) -> Path:
        """The best confirmed student of a cell."""
        return self.out / "models" / cell.name

    def checkpoint(self, cell: Cell, trial: str) -> Path:
        """What an unfinished trial resumes from."""
        return self.out / "checkpoints" / cell.stage / cell.name / f"{trial}.pt"

    def log(self, cell: Cell, trial: str) -> Path:
        """A trial's log."""
        return self.logs / cell.stage / cell.name / f"{trial}.log"

    def weights(self, cell: Cell, trial: str) -> Path:
        """A trial's best weights, until its stage is over."""
        return self.out / "weights" / cell.stage / cell.name / trial

    def predictions(self, cell: Cell, trial: str) -> Path:
        """A trial's predictions, one Parquet file per split."""
        return self.out / "predictions" / cell.stage / cell.name / trial

    def supersede(self, cell: Cell) -> None:
        """Moves a cell's record out of the ledger because its settings do not hold any more."""
        source = self.ledger / cell.stage / cell.name
        if not source.exists():
            return
        # First, so that no crash leaves a new trial the checkpoint of an old one.
        for folder in ("checkpoints", "weights", "predictions"):
            self.store.delete(self.out / folder / cell.stage / cell.name)
        number = 1
        while self.store.exists(
            target := self.out / "superseded" / f"{cell.stage}-{cell.name}-{number}"
        ):
            number += 1
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
        self.store.publish(target)
        self.store.delete(source)
