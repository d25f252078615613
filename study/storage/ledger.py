"""The study's own record: one small JSON file per event, written atomically by the driver alone.

``ledger/<stage>/<cell>/<trial>/{start,report-0001,…,end}.json``. Analysis reads nothing else of
the trials, and a resumed study trusts nothing else.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pkd.deployment.run_folder import checksum
from pkd.errors import CacheError, PkdError
from pkd.files.atomic import write_json
from study.config.cell import Cell
from study.storage.store import SharedFolder, Store

FORMAT = 1
Event = dict[str, Any]


class Ledger:
    """Appends events and reads them back in the order in which they were written.

    Args:
        root: the ledger folder of a study; made when the first event is written.
        store: where each event is published as soon as it is written.

    Attributes:
        failure: why an event could not be written. Tune wraps what is raised under it into errors
            of its own.
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
        """All events of a stage (or of all), oldest first.

        Raises:
            CacheError: naming a file that cannot be read or that a newer version wrote.
        """
        folder = self.root / stage if stage else self.root
        # Most of the time of a large ledger is waiting for a disk, often a remote one.
        with ThreadPoolExecutor() as pool:
            return sorted(pool.map(_read, folder.rglob("*.json")), key=lambda e: e["seq"])

    def start(
        self, cell: Cell, trial: str, settings: dict[str, Any], seed: int, epochs: int
    ) -> Event:
        """Records that a trial is planned, before it runs."""
        fields = {"settings": settings, "seed": seed, "epochs": epochs}
        return self._append(cell, trial, "start", "start", fields)

    def report(self, cell: Cell, trial: str, report: dict[str, Any], decision: str) -> Event:
        """Records an epoch's report and whether the trial was to ``continue`` or to ``stop``."""
        name = f"report-{report['epoch']:04d}"
        return self._append(cell, trial, name, "report", report | {"decision": decision})

    def end(self, cell: Cell, trial: str, **fields: Any) -> Event:
        """Records how a trial ended: ``complete``, ``stopped`` early or ``failed``."""
        return self._append(cell, trial, "end", "end", fields)

    def _append(
        self, cell: Cell, trial: str, name: str, kind: str, fields: dict[str, Any]
    ) -> Event:
        event = {
            "format": FORMAT,
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


def _read(path: Path) -> Event:
    try:
        event: Event = json.loads(path.read_text(encoding="utf-8"))
        newer = event["format"] > FORMAT
        check = event.pop("check", None)
        if not newer and check is not None and check != checksum(event):
            raise ValueError("its checksum differs")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CacheError(
            f"the ledger event {path} is damaged ({error}). Delete the trial's folder "
            f"{path.parent} to train it again"
        ) from None
    if newer:
        raise CacheError(f"{path} was written by a newer version of this project; update it")
    return event
