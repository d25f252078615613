"""How much of a study is done, and how long the rest takes, from the rates measured so far."""

import math
import time

from study.search.budget import ASHA_SHARE
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher

# Trials that the assumed share of epochs is worth against the measured one.
_ASSUMED_TRIALS = 5
# Share of a stage after which only its own rate counts, not that of the stages before.
_OWN_RATE = 0.1
# The estimate changes by at most this factor within a minute, besides the time that passes.
_LARGEST_CHANGE = 2.0
_LAST_S = 30.0


class Progress:
    """Counts the work of a study's stages and times it.

    Args:
        work: expected work of each stage, in the order in which they run; in any unit.
    """

    def __init__(self, work: dict[str, float]) -> None:
        self._work = work
        self._finished: set[str] = set()
        self._stage: _StageRate | None = None
        self._seconds_before, self._work_before = 0.0, 0.0
        self.started = time.monotonic()
        self._shown: tuple[float, float] | None = None

    def begin(self, dispatcher: TrialDispatcher) -> None:
        """Starts to count a stage."""
        self._stage = _StageRate(dispatcher, self._work[dispatcher.stage])

    def finish(self, stage: str) -> None:
        """Counts a stage as done."""
        self._finished.add(stage)
        if self._stage is not None and self._stage.name == stage:
            if self._stage.trained:
                self._seconds_before += self._stage.seconds
                self._work_before += self._stage.trained
            self._stage = None

    def changed(self, search: CellSearch, trial: str, what: str) -> None:
        """Counts an event of the dispatcher of the stage."""
        if self._stage is not None:
            self._stage.changed(search, trial, what)

    @property
    def share(self) -> float:
        """The share of the study's work that is done, 0 … 1."""
        done = sum(self._work[stage] for stage in self._finished)
        if self._stage is not None:
            done += self._stage.share * self._work[self._stage.name]
        return min(1.0, done / (sum(self._work.values()) or 1.0))

    @property
    def elapsed(self) -> float:
        """Seconds since this session began."""
        return time.monotonic() - self.started

    def seconds_left(self) -> float | None:
        """Estimates the seconds to the end; None as long as too little is measured."""
        now, left = time.monotonic(), self._measured_left()
        if not left:
            return None
        if self._shown is not None:
            then, before = self._shown
            change = _LARGEST_CHANGE ** ((now - then) / 60)
            # In its last seconds an estimate may be wrong by any factor.
            most, least = max(before, _LAST_S) * change, (before - (now - then)) / change
            left = min(max(left, least), most)
        self._shown = now, left
        return left

    def _measured_left(self) -> float | None:
        stage = self._stage
        later = sum(
            work
            for name, work in self._work.items()
            if name not in self._finished and (stage is None or name != stage.name)
        )
        before = self._work_before / self._seconds_before if self._seconds_before else None
        rate = before if stage is None else stage.rate(before)
        if rate is None:
            return None
        return (later + (stage.left if stage is not None else 0.0)) / rate


class _StageRate:
    """The work of the running stage, and how fast this session does it."""

    def __init__(self, dispatcher: TrialDispatcher, work: float) -> None:
        self.name, self.trained = dispatcher.stage, 0.0
        self._dispatcher, self._work = dispatcher, work
        self._started, self._startup = time.monotonic(), 0.0
        self._reports = 0
        # Cached per cell: computing it for every cell at every line would cost more than the rest.
        self._planned: dict[CellSearch, float] = {}
        self._done: dict[CellSearch, float] = {}
        self._epochs, self._full_epochs = 0, 0
        for search in dispatcher.searches.values():
            self._update(search)
            for name, trial in search.trials.items():
                if trial.state != "running":
                    self._count_end(search, name)

    def changed(self, search: CellSearch, trial: str, what: str) -> None:
        self._update(search)
        if what == "report":
            if self._reports == 0:
                # Workers first import torch: this time does not come back with every trial.
                report = search.trials[trial].reports[-1]
                trained = report["train_seconds"] + report["eval_seconds"]
                self._startup = max(0.0, time.monotonic() - self._started - trained)
            self._reports += 1
            self.trained += search.cost * self._unit
        elif what == "end":
            self._count_end(search, trial)

    @property
    def share(self) -> float:
        """The share of the stage that is done or was skipped."""
        planned = sum(self._planned.values())
        return sum(self._done.values()) / planned if planned else 1.0

    @property
    def seconds(self) -> float:
        """Seconds of this stage, without the start of its first workers."""
        return time.monotonic() - self._started - self._startup

    @property
    def left(self) -> float:
        """The work that is left, by the share of epochs that ended trials were trained for."""
        assumed = self._assumed
        measured = (self._epochs + assumed * _ASSUMED_TRIALS * self._mean_epochs) / (
            self._full_epochs + _ASSUMED_TRIALS * self._mean_epochs
        )
        return self._work * (1 - self.share) * measured / assumed

    def rate(self, before: float | None) -> float | None:
        """Returns work per second; at the stage's beginning mostly the rate of those before."""
        running = [search.cost for search, _ in list(self._dispatcher.running)]
        # Every worker has had time for two epochs.
        if self._reports < 2 + len(running) or not self.trained:
            return before
        # A running trial is half through its epoch, on average.
        own = (self.trained + sum(running) * self._unit / 2) / max(self.seconds, 1e-9)
        if before is None:
            return own
        weight = min(1.0, self.trained / (_OWN_RATE * self._work or 1.0))
        return math.exp(weight * math.log(own) + (1 - weight) * math.log(before))

    @property
    def _assumed(self) -> float:
        searches = self._dispatcher.searches.values()
        return ASHA_SHARE if any(each.budget.asha for each in searches) else 1.0

    @property
    def _mean_epochs(self) -> float:
        budgets = [search.budget.epochs for search in self._dispatcher.searches.values()]
        return sum(budgets) / max(len(budgets), 1)

    @property
    def _unit(self) -> float:
        """Work in an epoch of a cell whose cost is 1."""
        return self._work / ((sum(self._planned.values()) or 1.0) * self._assumed)

    def _update(self, search: CellSearch) -> None:
        self._planned[search] = search.cost * search.budget.epochs * search.wanted
        self._done[search] = search.cost * search.epochs_done

    def _count_end(self, search: CellSearch, trial: str) -> None:
        self._epochs += len(search.trials[trial].reports)
        self._full_epochs += search.budget.epochs
