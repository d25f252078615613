"""The files and folders of a study."""

from dataclasses import dataclass, field
from pathlib import Path

from pkd.files.run_format import (
    CHECKPOINTS,
    DRIVER_FILE,
    ENCODER,
    ENSEMBLES,
    GIVEN,
    LEDGER,
    LOGS,
    MODELS,
    PREDICTIONS,
    RAY,
    REPORT,
    SIGNALS,
    STUDY_FILE,
    SUPERSEDED,
    TEACHERS,
    TOKENS,
    TRACKERS,
    WEIGHTS,
)
from study.config.cell import Cell
from study.storage.store import SharedFolder, Store


@dataclass(frozen=True)
class Layout:
    """The folders under ``--out``; see docs/first_study.md for what is in each.

    Attributes:
        out: the study's folder on this node.
        store: the storage behind it.
    """

    out: Path
    store: Store = field(default_factory=SharedFolder)

    @property
    def study_file(self) -> Path:
        """The resolved configuration, versions and plan."""
        return self.out / STUDY_FILE

    @property
    def ledger(self) -> Path:
        """The ledger: one JSON file per event."""
        return self.out / LEDGER

    @property
    def tokens(self) -> Path:
        """Tokenised splits."""
        return self.out / TOKENS

    @property
    def signals(self) -> Path:
        """The teachers' signals."""
        return self.out / SIGNALS

    @property
    def encoder(self) -> Path:
        """Copies of the pre-trained encoders, for other nodes."""
        return self.out / ENCODER

    @property
    def given(self) -> Path:
        """Copies of the teachers of ``teacher.fine_tuned``."""
        return self.out / GIVEN

    @property
    def report(self) -> Path:
        """The report: tables, plots and pages."""
        return self.out / REPORT

    @property
    def ray(self) -> Path:
        """Ray Tune's temporary files; may be deleted when the study does not run."""
        return self.out / RAY

    @property
    def logs(self) -> Path:
        """The trials' logs."""
        return self.out / LOGS

    @property
    def trackers(self) -> Path:
        """The trackers' files on this machine; the study never reads them."""
        return self.out / TRACKERS

    @property
    def driver(self) -> Path:
        """The card of the driver that runs the study now; see `study.storage.driver_lock`."""
        return self.out / DRIVER_FILE

    def teacher(self, task: str) -> Path:
        """The best fine-tuned teacher of a task."""
        return self.out / TEACHERS / task

    def ensemble_member(self, task: str, trial: str) -> Path:
        """A fine-tuned teacher of a task's ensemble, other than the best one."""
        return self.out / ENSEMBLES / task / trial

    def model(self, cell: Cell) -> Path:
        """The best confirmed student of a cell."""
        return self.out / MODELS / cell.name

    def checkpoint(self, cell: Cell, trial: str) -> Path:
        """The checkpoint that an unfinished trial resumes from."""
        return self.out / CHECKPOINTS / cell.stage / cell.name / f"{trial}.pt"

    def log(self, cell: Cell, trial: str) -> Path:
        """A trial's log."""
        return self.logs / cell.stage / cell.name / f"{trial}.log"

    def events(self, cell: Cell, trial: str) -> Path:
        """The events of a trial."""
        return self.ledger / cell.stage / cell.name / trial

    def weights(self, cell: Cell, trial: str) -> Path:
        """A trial's best weights, until its stage has ended."""
        return self.out / WEIGHTS / cell.stage / cell.name / trial

    def predictions(self, cell: Cell, trial: str) -> Path:
        """A trial's predictions, one Parquet file per split."""
        return self.out / PREDICTIONS / cell.stage / cell.name / trial

    def supersede(self, cell: Cell) -> None:
        """Moves a cell's events out of the ledger because its settings have changed."""
        source = self.ledger / cell.stage / cell.name
        if not source.exists():
            return
        # First, so that after a crash no new trial finds the checkpoint of an old one.
        for folder in (CHECKPOINTS, WEIGHTS, PREDICTIONS):
            self.store.delete(self.out / folder / cell.stage / cell.name)
        number = 1
        while self.store.exists(
            target := self.out / SUPERSEDED / f"{cell.stage}-{cell.name}-{number}"
        ):
            number += 1
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
        self.store.publish(target)
        self.store.delete(source)
