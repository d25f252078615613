"""One stage's work: which trial comes next, what its report means, and the record of both."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

from study.config.cell import Cell
from study.search.cell_search import CellSearch
from study.search.trial_record import STOP, TrialReport
from study.storage.ledger import Ledger


class TrialRef(NamedTuple):
    """Identifies a trial of a stage.

    Attributes:
        search: the search of its cell.
        name: its name in the cell.
    """

    search: CellSearch
    name: str


class Observer(Protocol):
    """Gets the events of a stage, e.g. the live view."""

    def changed(
        self, dispatcher: "TrialDispatcher", search: CellSearch, trial: str, what: str
    ) -> None:
        """Called after a ``start``, ``report``, ``end`` or ``error`` of a trial."""


class TrialDispatcher:
    """Hands out the trials of a stage and records all that happens to them.

    Scores of two cells are never compared, and a cell waits for another only if ``ready`` says so.

    Args:
        stage: the stage's name.
        searches: the cells, with nothing started yet; the ledger's events are replayed into them.
        ledger: the record.
        observer: gets every event; more can be added to ``observers``.
        ready: returns whether a cell may start new trials.
        on_end: called when a trial has ended, after its end was recorded.
        checkpoint_of: returns the checkpoint of a trial, which is deleted when the trial ends.
        max_running: trials that may run at once; None leaves that to the cluster.

    Attributes:
        running: trials that were handed out and have not ended, with the time of their start.
        interrupted: trials whose process failed, with their errors.
    """

    def __init__(
        self,
        stage: str,
        searches: Iterable[CellSearch],
        ledger: Ledger,
        observer: Observer,
        *,
        ready: Callable[[CellSearch], bool] = lambda search: True,
        on_end: Callable[[CellSearch, str], None] = lambda search, trial: None,
        checkpoint_of: Callable[[Cell, str], Path] | None = None,
        max_running: int | None = None,
    ) -> None:
        self.stage, self.ledger, self.observers = stage, ledger, [observer]
        self._ready, self._on_end, self._checkpoint_of = ready, on_end, checkpoint_of
        self._max_running = max_running
        self.searches = {search.cell.name: search for search in searches}
        self.running: dict[TrialRef, float] = {}
        self.interrupted: dict[TrialRef, str] = {}
        for event in ledger.events(stage):
            # A cell that is no longer in the plan (a task was left out) keeps its record.
            if search := self.searches.get(Cell.of(event).name):
                search.replay(event)
        self._work_left = {search: _work_left(search) for search in self.searches.values()}
        for search in self.searches.values():
            for name, trial in search.trials.items():
                if trial.state == "running" and trial.decision == STOP:
                    self._end(search, name)
        self._to_resume = self._unfinished()

    @property
    def done(self) -> bool:
        """Whether every cell has all its trials."""
        return all(search.done for search in self.searches.values())

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left to hand out and nothing runs that could change that."""
        return not self.running and not self._to_resume and self._next_cell() is None

    def next(self) -> TrialRef | None:
        """Hands out a trial: those to resume first, then a new one of the cell with most left."""
        if len(self.running) == self._max_running:
            return None
        if self._to_resume:
            trial = self._to_resume.popleft()
        elif (search := self._next_cell()) is not None:
            trial = self._start(search)
        else:
            return None
        self.running[trial] = time.monotonic()
        self._notify(*trial, "start")
        return trial

    def report(self, search: CellSearch, name: str, report: TrialReport) -> str:
        """Records an epoch (once, however often it is reported) and returns the decision."""
        trial = search.trials[name]
        if report.epoch > len(trial.reports):
            values = report.to_dict()
            decision = search.report(name, values)
            self.ledger.report(search.cell, name, values, decision)
            self._notify(search, name, "report")
        if trial.decision == STOP and trial.state == "running":
            self._end(search, name)
        return trial.decision

    def fail(self, search: CellSearch, name: str, error: str) -> None:
        """Records that a trial cannot succeed: its training diverged."""
        self._end(search, name, error)

    def mark_interrupted(self, search: CellSearch, name: str, error: str) -> None:
        """Sets a trial aside because its process failed, until `retry` or the next command."""
        trial = TrialRef(search, name)
        self.running.pop(trial, None)
        self.interrupted[trial] = error
        self._notify(search, name, "error")

    def retry(self, fewer: bool = False) -> int | None:
        """Hands out again what ran or was interrupted; no trial may run any more.

        Args:
            fewer: whether one trial less than until now may run at once.

        Returns:
            Trials that may run at once; None if the cluster decides.
        """
        if fewer:
            self._max_running = max(1, len(self.running) - 1)
        self.running.clear()
        self.interrupted.clear()
        self._to_resume = self._unfinished()
        return self._max_running

    def _next_cell(self) -> CellSearch | None:
        """The cell that starts the next new trial."""
        for search in sorted(self._work_left, key=self._work_left.__getitem__, reverse=True):
            if self._work_left[search] > 0 and self._ready(search):
                return search
        return None

    def _start(self, search: CellSearch) -> TrialRef:
        name = search.propose()
        trial = search.trials[name]
        # A trial of this name whose record was deleted may have left one.
        self._delete_checkpoint(search, name)
        seed = search.seed_of(trial.number)
        self.ledger.start(search.cell, name, trial.settings, seed, search.budget.epochs)
        self._work_left[search] = _work_left(search)
        return TrialRef(search, name)

    def _unfinished(self) -> deque[TrialRef]:
        trials = (
            TrialRef(search, name)
            for search in self.searches.values()
            for name, trial in search.trials.items()
            if trial.state == "running"
        )
        return deque(trial for trial in trials if trial not in self.interrupted)

    def _end(self, search: CellSearch, name: str, error: str | None = None) -> None:
        state = search.end(name, failed=error is not None)
        trial = search.trials[name]
        best = trial.best or {}
        self.running.pop(TrialRef(search, name), None)
        self._work_left[search] = _work_left(search)
        self.ledger.end(
            search.cell,
            name,
            state=state,
            score=best.get("score"),
            metrics=best.get("metrics"),
            best_epoch=best.get("epoch"),
            epochs=len(trial.reports),
            seconds=trial.seconds,
            constant=trial.constant,
            error=error,
        )
        self._delete_checkpoint(search, name)
        self._on_end(search, name)
        self._notify(search, name, "end")

    def _notify(self, search: CellSearch, name: str, what: str) -> None:
        for observer in self.observers:
            observer.changed(self, search, name, what)

    def _delete_checkpoint(self, search: CellSearch, name: str) -> None:
        if self._checkpoint_of is not None:
            self.ledger.store.delete(self._checkpoint_of(search.cell, name))


def _work_left(search: CellSearch) -> float:
    """Work in the trials that a cell has yet to start."""
    return search.cost * search.budget.epochs * (search.wanted - len(search.trials))
