"""One stage's work: which trial comes next, what its report means, and the record of both."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from study.config.cell import Cell
from study.search.cell_search import STOP, CellSearch, TrialRecord
from study.storage.ledger import Ledger

Work = tuple[CellSearch, str]


class Observer(Protocol):
    """Someone who watches a stage, e.g. the live view."""

    def changed(
        self, dispatcher: "TrialDispatcher", search: CellSearch, trial: str, what: str
    ) -> None:
        """Called after a ``start``, ``report``, ``end`` or ``error`` of a trial."""


class TrialDispatcher:
    """Routes every trial to its own cell and writes down all that happens.

    Scores of two cells are never compared, and no cell waits for another unless `ready` says so.

    Args:
        stage: the stage's name.
        searches: the cells, with nothing started yet; the ledger's events are replayed into them.
        ledger: the record.
        observer: who watches; `observers` may be joined by others.
        ready: tells whether a cell may start new trials.
        on_end: called when a trial has ended, after it was recorded.
        checkpoint_of: where a trial keeps the checkpoint that is deleted when it ends.
        max_running: trials at once; None leaves that to the cluster.
    """

    def __init__(
        self,
        stage: str,
        searches: Iterable[CellSearch],
        ledger: Ledger,
        observer: Observer,
        ready: Callable[[CellSearch], bool] = lambda search: True,
        on_end: Callable[[CellSearch, str], None] = lambda search, trial: None,
        checkpoint_of: Callable[[Cell, str], Path] | None = None,
        max_running: int | None = None,
    ) -> None:
        self.stage, self.ledger, self.observers = stage, ledger, [observer]
        self._ready, self._on_end, self._checkpoint_of = ready, on_end, checkpoint_of
        self._max_running = max_running
        self.searches = {search.cell.name: search for search in searches}
        self.running: dict[Work, float] = {}
        self.broken: dict[Work, str] = {}
        for event in ledger.events(stage):
            # A cell that is not in the plan any more (a task was left out) keeps its record.
            if search := self.searches.get(Cell.of(event).name):
                search.replay(event)
        self._left = {search: _left(search) for search in self.searches.values()}
        for search in self.searches.values():
            for name, trial in search.trials.items():
                if trial.state == "running" and trial.decision == STOP:
                    self._end(search, name)
        self._waiting = self._unfinished()

    @property
    def done(self) -> bool:
        """Whether every cell has all its trials."""
        return all(search.done for search in self.searches.values())

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left to hand out and nothing runs that could change that."""
        return not self.running and self._choose() is None

    def next(self) -> Work | None:
        """Hands out work: trials to resume first, then a new one of the cell with most left."""
        if len(self.running) == self._max_running or (work := self._choose()) is None:
            return None
        search, name = work
        if name:
            self._waiting.popleft()
        else:
            name = search.propose()
            trial = search.trials[name]
            # Left behind by a trial of this name whose record was deleted.
            self._drop_checkpoint(search, name)
            seed = search.seed_of(trial.number)
            self.ledger.start(search.cell, name, trial.settings, seed, search.epochs)
            self._left[search] = _left(search)
        self.running[search, name] = time.monotonic()
        self._tell(search, name, "start")
        return search, name

    def report(self, search: CellSearch, name: str, report: dict[str, Any]) -> str:
        """Records an epoch (once, however often it is reported) and gives the decision."""
        trial = search.trials[name]
        if report["epoch"] > len(trial.reports):
            decision = search.report(name, report)
            self.ledger.report(search.cell, name, report, decision)
            self._tell(search, name, "report")
        if trial.decision == STOP and trial.state == "running":
            self._end(search, name)
        return trial.decision

    def fail(self, search: CellSearch, name: str, error: str) -> None:
        """Records that a trial cannot succeed: its training diverged."""
        self._end(search, name, error)

    def break_off(self, search: CellSearch, name: str, error: str) -> None:
        """Sets a trial aside, until `retry` or the next command: its process failed."""
        self.running.pop((search, name), None)
        self.broken[search, name] = error
        self._tell(search, name, "error")

    def retry(self, fewer: bool = False) -> int | None:
        """Takes it that no trial runs any more; what ran or was set aside is handed out again.

        Args:
            fewer: whether one trial less than until now may run at once.

        Returns:
            Trials that may run at once; None where the cluster decides.
        """
        if fewer:
            self._max_running = max(1, len(self.running) - 1)
        self.running.clear()
        self.broken.clear()
        self._waiting = self._unfinished()
        return self._max_running

    def _choose(self) -> Work | None:
        if self._waiting:
            return self._waiting[0]
        for search in sorted(self._left, key=self._left.__getitem__, reverse=True):
            if self._left[search] > 0 and self._ready(search):
                return search, ""
        return None

    def _unfinished(self) -> deque[Work]:
        return deque(
            (search, name)
            for search in self.searches.values()
            for name, trial in search.trials.items()
            if trial.state == "running" and (search, name) not in self.broken
        )

    def _end(self, search: CellSearch, name: str, error: str | None = None) -> None:
        state = search.end(name, failed=error is not None)
        trial = search.trials[name]
        best = trial.best or {}
        self.running.pop((search, name), None)
        self._left[search] = _left(search)
        self.ledger.end(
            search.cell,
            name,
            state=state,
            score=best.get("score"),
            metrics=best.get("metrics"),
            best_epoch=best.get("epoch"),
            epochs=len(trial.reports),
            seconds=seconds_of(trial),
            constant=trial.constant,
            error=error,
        )
        self._drop_checkpoint(search, name)
        self._on_end(search, name)
        self._tell(search, name, "end")

    def _tell(self, search: CellSearch, name: str, what: str) -> None:
        for observer in self.observers:
            observer.changed(self, search, name, what)

    def _drop_checkpoint(self, search: CellSearch, name: str) -> None:
        if self._checkpoint_of is not None:
            self.ledger.store.delete(self._checkpoint_of(search.cell, name))


def _left(search: CellSearch) -> float:
    """Work in the trials that a cell has yet to start."""
    return search.cost * search.epochs * (search.wanted - len(search.trials))


def seconds_of(trial: TrialRecord) -> float:
    """Device seconds that a trial's recorded epochs took."""
    return float(sum(report["train_seconds"] + report["eval_seconds"] for report in trial.reports))
