"""The ledger of a study: one small JSON file per event, written atomically, by the driver only.

``ledger/<stage>/<cell>/<trial>/{start,report-0001,…,end}.json``. It is all that the analysis and a
resumed study read about the trials.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pkd.errors import CacheError, PkdError
from pkd.files.atomic import write_json
from pkd.files.run_format import (
    EVENT_FORMAT,
    DamagedFile,
    Event,
    RunFormatError,
    checksum,
    read_event,
)
from study.config.cell import Cell
from study.storage.store import SharedFolder, Store


class Ledger:
    """Appends events and reads them back in the order in which they were written.

    Args:
        root: folder of the ledger; made when the first event is written.
        store: storage to which each event is published as soon as it is written.

    Attributes:
        failure: why an event could not be written; None if all were. It is kept because Tune wraps
            an exception that is raised under it into another one.
    """

    def __init__(self, root: Path, store: Store | None = None) -> None:
        self.root, self.store = root, store or SharedFolder()
        self.failure: PkdError | None = None
        self._next = 1 + max((event["seq"] for event in self.events()), default=0)

    @property
    def length(self) -> int:
        """The number of events that were ever written."""
        return self._next - 1

    def events(self, stage: str | None = None) -> list[Event]:
        """Returns the events of a stage, or of all stages, oldest first.

        Raises:
            CacheError: naming a file that is damaged or was written by a newer version.
        """
        folder = self.root / stage if stage else self.root
        # Threads, because reading a large ledger mostly waits for the disk, often a remote one.
        with ThreadPoolExecutor() as pool:
            return sorted(pool.map(_read_event, folder.rglob("*.json")), key=lambda e: e["seq"])

    def start(
        self, cell: Cell, trial: str, settings: dict[str, Any], seed: int, epochs: int
    ) -> Event:
        """Records a trial before it runs."""
        fields = {"settings": settings, "seed": seed, "epochs": epochs}
        return self._append(cell, trial, "start", "start", fields)

    def report(self, cell: Cell, trial: str, report: dict[str, Any], decision: str) -> Event:
        """Records an epoch's report and the decision: ``continue`` or ``stop``."""
        name = f"report-{report['epoch']:04d}"
        return self._append(cell, trial, name, "report", report | {"decision": decision})

    def end(self, cell: Cell, trial: str, **fields: Any) -> Event:
        """Records how a trial ended: ``complete``, ``stopped`` early, or ``failed``."""
        return self._append(cell, trial, "end", "end", fields)

    def _append(
        self, cell: Cell, trial: str, name: str, kind: str, fields: dict[str, Any]
    ) -> Event:
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
            **fields,
        }
        path = self.root / cell.stage / cell.name / trial / f"{name}.json"
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


def _read_event(path: Path) -> Event:
    try:
        event = read_event(path)
        if "format" not in event:
            raise DamagedFile(path, "it lacks its format")
    except DamagedFile as error:
        raise CacheError(
            f"the ledger event {path} is damaged ({error.reason}). Delete the trial's folder "
            f"{path.parent} to train it again"
        ) from None
    except RunFormatError as error:
        raise CacheError(str(error)) from None
    return event
