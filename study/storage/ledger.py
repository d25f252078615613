"""The ledger of a study: one small JSON file per event, written atomically, by the driver only.

``ledger/<stage>/<cell>/<trial>/{start,report-0001,…,end}.json``. It is all that the analysis and a
resumed study read about the trials.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pkd.errors import CacheError, PkdError, listed
from pkd.files.atomic import write_json
from pkd.files.ledger.event import STAGES, checksum, event_file
from pkd.files.ledger.reader import LedgerContent, read_ledger
from pkd.files.run_format import EVENT_FORMAT, Event
from study.config.cell import Cell
from study.storage.set_aside import damage
from study.storage.store import SharedFolder, Store


class Ledger:
    """Appends events and reads them back in the order in which they were written.

    Args:
        root: folder of the ledger; made when the first event is written.
        store: storage to which each event is published as soon as it is written.
        study: id of the study, which each event names; None if it has none.

    Attributes:
        foreign: files and folders in the ledger that are not the study's; nobody reads them.
        failure: why an event could not be written; None if all were. It is kept because Tune wraps
            an exception that is raised under it into another one.

    Raises:
        CacheError: naming all damaged trials and how to set each aside, or an event that a newer
            version wrote.
    """

    def __init__(self, root: Path, store: Store | None = None, study: str | None = None) -> None:
        self.root, self.store, self.study = root, store or SharedFolder(), study
        self.failure: PkdError | None = None
        content = self._read()
        self.foreign = content.foreign
        self._next = 1 + max((event["seq"] for event in content.events()), default=0)

    @property
    def length(self) -> int:
        """The number of events that were ever written."""
        return self._next - 1

    def events(self, stage: str | None = None, cell: str | None = None) -> list[Event]:
        """Returns the events of a stage or one of its cells, or of all stages, oldest first.

        Raises:
            CacheError: see the class.
        """
        return self._read(stage, cell).events()

    def start(
        self, cell: Cell, trial: str, settings: dict[str, Any], seed: int, epochs: int
    ) -> Event:
        """Records a trial before it runs."""
        fields = {"settings": settings, "seed": seed, "epochs": epochs}
        return self._append(cell, trial, "start", fields)

    def report(self, cell: Cell, trial: str, report: dict[str, Any], decision: str) -> Event:
        """Records an epoch's report and the decision: ``continue`` or ``stop``."""
        return self._append(cell, trial, "report", report | {"decision": decision})

    def end(self, cell: Cell, trial: str, **fields: Any) -> Event:
        """Records how a trial ended: ``complete``, ``stopped`` early, or ``failed``."""
        return self._append(cell, trial, "end", fields)

    def _read(self, stage: str | None = None, cell: str | None = None) -> LedgerContent:
        content = read_ledger(self.root, self.study, [stage] if stage else STAGES, cell)
        if content.damaged:
            raise damage(content.damaged, self.root, self.store)
        return content

    def _append(self, cell: Cell, trial: str, kind: str, fields: dict[str, Any]) -> Event:
        event = {
            "format": EVENT_FORMAT,
            "event": kind,
            "seq": self._next,
            "time": time.time(),
            "stage": cell.stage,
            "task": cell.task,
            "depth": cell.depth,
            "method": cell.method,
            "trial": trial,
            **({} if self.study is None else {"study": self.study}),
            **fields,
        }
        path = self.root / cell.stage / cell.name / trial / event_file(event)
        try:
            write_json(path, event | {"check": checksum(event)})
            self.store.publish(path)
        except PkdError as error:
            self.failure = error
            raise
        except OSError as error:
            self.failure = CacheError(f"cannot write {path}: {error.strerror}")
            raise self.failure from error
        self._next += 1
        return event


def foreign_note(foreign: Sequence[Path], ledger: Path) -> str:
    """Returns a line that names what is in a ledger though it is not the study's."""
    names = [str(path.relative_to(ledger.parent)) for path in foreign]
    return f"not of this study, so neither read nor changed: {listed(names)}"
