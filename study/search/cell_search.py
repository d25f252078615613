"""The state of one cell's search, rebuilt from its ledger events.

The live study and the replay after a crash go through the same three steps (start, report, end).
A resumed search therefore holds the same Optuna trials and the same ASHA rungs as one that was
never interrupted.
"""

import heapq
from collections import Counter
from types import SimpleNamespace
from typing import Any

from ray.tune.schedulers import AsyncHyperBandScheduler

from study.config.cell import Cell
from study.config.sections import Asha
from study.search.budget import Budget, Seeds
from study.search.samplers import Sampler, Settings
from study.search.trial_record import CONTINUE, STOP, TrialRecord

_SEED_0 = Seeds()


class CellSearch:
    """Hands out the trials of one cell and learns from their reports.

    Args:
        cell: which cell.
        sampler: where settings come from.
        budget: how many trials, and how long.
        seeds: the seeds that trials train with.
        prefix: of trial names, e.g. ``trial`` gives ``trial-0007``.
        cost: relative cost of one epoch; decides the order of work and the time estimate.

    Attributes:
        trials: every trial that was started, by name.
        epochs_done: epochs that need no more work: trained, or skipped by an early end.
    """

    def __init__(
        self,
        cell: Cell,
        sampler: Sampler,
        budget: Budget,
        *,
        seeds: Seeds = _SEED_0,
        prefix: str = "trial",
        cost: float = 1.0,
    ) -> None:
        self.cell, self.sampler, self.budget = cell, sampler, budget
        self.seeds, self.prefix, self.cost = seeds, prefix, cost
        self.trials: dict[str, TrialRecord] = {}
        self.epochs_done = 0
        self._states = Counter(running=0, complete=0, stopped=0, failed=0)
        self._lowest_free = 0
        # Any: it gets our own trials by name, not Tune's Trial objects.
        self._asha: Any = (
            None if budget.asha is None else _asha_scheduler(budget.asha, budget.epochs)
        )

    @property
    def wanted(self) -> int:
        """Trials to start: the budget, and a replacement for each trial that failed or is
        constant, up to a second budget.

        A fixed list is not extended: the same settings would fail again.
        """
        trials = self.budget.trials
        if self.sampler.fixed:
            return trials
        return trials + min(self.count("failed") + self.constant, trials)

    @property
    def done(self) -> bool:
        """Whether every wanted trial has ended."""
        return len(self.trials) >= self.wanted and not self.count("running")

    @property
    def useful(self) -> int:
        """Trials that ended with a score; without constant ones, unless the list is fixed."""
        ended = self.count("complete") + self.count("stopped")
        return ended if self.sampler.fixed else ended - self.constant

    @property
    def constant(self) -> int:
        """Trials that ended with a score and predict a single class."""
        return sum(trial.constant for trial in list(self.trials.values()))

    @property
    def winner(self) -> str | None:
        """The trial with the best score (the first of equals).

        A constant trial wins only if all are constant.
        """
        return next(iter(self.best), None)

    @property
    def best(self) -> list[str]:
        """The ``budget.keep`` best trials, the winner first; fewer if fewer have a score."""
        scores = {
            # The lowest number of equals, which a trial that was trained again has kept.
            name: (not trial.constant, trial.best["score"], -trial.number)
            # A copy: the live table reads this from another thread.
            for name, trial in list(self.trials.items())
            if trial.state in ("complete", "stopped") and trial.best is not None
        }
        return heapq.nlargest(self.budget.keep, scores, key=lambda name: scores[name])

    def count(self, state: str) -> int:
        """Number of trials in a state."""
        return self._states[state]

    def seed_of(self, number: int) -> int:
        """The training seed of a trial."""
        return self.seeds.of(number)

    def propose(self) -> str:
        """Starts the next trial and returns its name.

        Its number is the lowest free one: a trial whose damaged record was deleted is trained
        again first.
        """
        while self._name(self._lowest_free) in self.trials:
            self._lowest_free += 1
        return self._add(self._lowest_free, self.sampler.propose(self._lowest_free))

    def report(self, name: str, report: dict[str, Any]) -> str:
        """Records an epoch's report and decides: ``continue`` or ``stop``."""
        trial = self.trials[name]
        # Curves are most of a report, and nothing here reads them.
        trial.reports.append({k: v for k, v in report.items() if k != "train_curve"})
        self.epochs_done += 1
        self.sampler.report(trial.number, report["epoch"], report["score"])
        trial.decision = CONTINUE
        if report["epoch"] >= self.budget.epochs:
            trial.decision = STOP
        elif self._asha is not None:
            result = {"epoch": report["epoch"], "score": report["score"]}
            decision = self._asha.on_trial_result(None, SimpleNamespace(trial_id=name), result)
            trial.decision = STOP if decision == AsyncHyperBandScheduler.STOP else CONTINUE
        return trial.decision

    def end(self, name: str, failed: bool = False) -> str:
        """Ends a trial and returns its state: ``complete``, ``stopped`` or ``failed``."""
        trial, epochs = self.trials[name], self.budget.epochs
        best = trial.best
        self._states[trial.state] -= 1
        if failed or best is None:
            trial.state = "failed"
        else:
            trial.state = "complete" if len(trial.reports) >= epochs else "stopped"
            trial.constant = best.get("classes_predicted") == 1
        self._states[trial.state] += 1
        self.epochs_done += epochs - len(trial.reports)
        self.sampler.finish(trial.number, trial.state, best["score"] if best else None)
        return trial.state

    def replay(self, event: dict[str, Any]) -> None:
        """Applies one ledger event of this cell."""
        name = event["trial"]
        if event["event"] == "start":
            number = int(name.rpartition("-")[2])
            self._add(number, self.sampler.begin(number, event["settings"]))
        elif event["event"] == "report":
            self.report(name, event)
            # The recorded decision was carried out then, even if the rule has changed since.
            self.trials[name].decision = event["decision"]
        elif event["event"] == "end":
            self.end(name, failed=event["state"] == "failed")
            self.trials[name].constant = event.get("constant", False)

    def _add(self, number: int, settings: Settings) -> str:
        name = self._name(number)
        self.trials[name] = TrialRecord(number, settings)
        self._states["running"] += 1
        if self._asha is not None:
            self._asha.on_trial_add(None, SimpleNamespace(trial_id=name))
        return name

    def _name(self, number: int) -> str:
        return f"{self.prefix}-{number:04d}"


def _asha_scheduler(asha: Asha, epochs: int) -> AsyncHyperBandScheduler:
    return AsyncHyperBandScheduler(
        time_attr="epoch",
        metric="score",
        mode="max",
        max_t=epochs,
        grace_period=asha.grace_epochs,
        reduction_factor=asha.reduction_factor,
    )
