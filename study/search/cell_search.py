"""The state of one cell's search, as a fold over its ledger events.

The live study and the replay after a crash go through the same three steps (start, report, end),
so that a resumed search holds the same Optuna trials and the same ASHA rungs as one that was
never interrupted.
"""

import heapq
from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from ray.tune.schedulers import AsyncHyperBandScheduler

from study.config.cell import Cell
from study.config.sections import Asha
from study.search.samplers import Sampler, Settings

CONTINUE, STOP = "continue", "stop"


@dataclass
class TrialRecord:
    """What is known of one trial.

    Attributes:
        number: its number in the cell, 0-based.
        settings: its hyperparameters.
        reports: one for each finished epoch.
        decision: what was decided after the last report.
        state: ``running`` (or waiting to be resumed), ``complete``, ``stopped``, ``failed``.
        constant: whether it has ended with a best epoch that predicts one class only, of the
            first dev split.
    """

    number: int
    settings: Settings
    reports: list[dict[str, Any]] = field(default_factory=list)
    decision: str = CONTINUE
    state: str = "running"
    constant: bool = False

    @property
    def best(self) -> dict[str, Any] | None:
        """The report of the best epoch (the first of equals)."""
        return max(self.reports, key=lambda report: report["score"], default=None)


class CellSearch:
    """Hands out the trials of one cell and learns from their reports.

    Args:
        cell: which cell.
        sampler: where settings come from.
        budget: useful trials that the cell is to have.
        epochs: epochs of a trial that is not stopped early.
        asha: early stopping, or None.
        first_seed: trial ``i`` trains with seed ``first_seed + i · seed_step``.
        seed_step: 0 where all trials share a seed, 1 where each has its own.
        prefix: of trial names, e.g. ``trial`` gives ``trial-0007``.
        cost: relative cost of one epoch; decides the order of work and the time estimate.
        keep: trials whose results are needed afterwards: the best so many.
    """

    def __init__(
        self,
        cell: Cell,
        sampler: Sampler,
        budget: int,
        epochs: int,
        asha: Asha | None = None,
        first_seed: int = 0,
        seed_step: int = 0,
        prefix: str = "trial",
        cost: float = 1.0,
        keep: int = 1,
    ) -> None:
        self.cell, self.sampler, self.budget, self.epochs = cell, sampler, budget, epochs
        self.first_seed, self.seed_step, self.prefix, self.cost = (
            first_seed,
            seed_step,
            prefix,
            cost,
        )
        self.keep = keep
        self.trials: dict[str, TrialRecord] = {}
        # Epochs that are done with: trained, or spared by an early end.
        self.epochs_done = 0
        self._states = Counter(running=0, complete=0, stopped=0, failed=0)
        self._lowest_free = 0
        # Any: it is asked about our own trials by name, not about Tune's Trial objects.
        self._asha: Any = (
            AsyncHyperBandScheduler(
                time_attr="epoch",
                metric="score",
                mode="max",
                max_t=epochs,
                grace_period=asha.grace_epochs,
                reduction_factor=asha.reduction_factor,
            )
            if asha is not None
            else None
        )

    @property
    def wanted(self) -> int:
        """Trials to start: the budget, and a replacement for each trial that failed or is
        constant, up to a second budget.

        A fixed list is not extended: the same settings would fail again.
        """
        if self.sampler.fixed:
            return self.budget
        return self.budget + min(self.count("failed") + self.constant, self.budget)

    @property
    def done(self) -> bool:
        """Whether every trial that the cell is to have has ended."""
        return len(self.trials) >= self.wanted and not self.count("running")

    @property
    def useful(self) -> int:
        """Trials that ended with a score; of a search, those that predict more than one class."""
        ended = self.count("complete") + self.count("stopped")
        return ended if self.sampler.fixed else ended - self.constant

    @property
    def constant(self) -> int:
        """Trials that ended with a score and predict one class only."""
        return sum(trial.constant for trial in list(self.trials.values()))

    @property
    def winner(self) -> str | None:
        """The trial with the best score, a constant one only where all are; the first of
        equals."""
        return next(iter(self.best), None)

    @property
    def best(self) -> list[str]:
        """The trials to keep, the winner first; fewer where fewer ended with a score."""
        scores = {
            # The lowest number of equals, which a trial that was made again has kept.
            name: (not trial.constant, trial.best["score"], -trial.number)
            # A copy: the live table looks from a thread of its own.
            for name, trial in list(self.trials.items())
            if trial.state in ("complete", "stopped") and trial.best is not None
        }
        return heapq.nlargest(self.keep, scores, key=lambda name: scores[name])

    def count(self, state: str) -> int:
        """Number of trials in a state."""
        return self._states[state]

    def seed_of(self, number: int) -> int:
        """The training seed of a trial."""
        return self.first_seed + number * self.seed_step

    def propose(self) -> str:
        """Starts the next trial and gives its name.

        The lowest free number: a trial whose damaged record was deleted is made up for first.
        """
        while self._name(self._lowest_free) in self.trials:
            self._lowest_free += 1
        return self._add(self._lowest_free, self.sampler.propose(self._lowest_free))

    def report(self, name: str, report: dict[str, Any]) -> str:
        """Takes up an epoch's report and decides: ``continue`` or ``stop``."""
        trial = self.trials[name]
        # Curves are most of a report, and nothing here reads them.
        trial.reports.append({k: v for k, v in report.items() if k != "train_curve"})
        self.epochs_done += 1
        self.sampler.report(trial.number, report["epoch"], report["score"])
        trial.decision = CONTINUE
        if report["epoch"] >= self.epochs:
            trial.decision = STOP
        elif self._asha is not None:
            result = {"epoch": report["epoch"], "score": report["score"]}
            decision = self._asha.on_trial_result(None, SimpleNamespace(trial_id=name), result)
            trial.decision = STOP if decision == AsyncHyperBandScheduler.STOP else CONTINUE
        return trial.decision

    def end(self, name: str, failed: bool = False) -> str:
        """Ends a trial and gives its state: ``complete``, ``stopped`` or ``failed``."""
        trial = self.trials[name]
        best = trial.best
        self._states[trial.state] -= 1
        if failed or best is None:
            trial.state = "failed"
        else:
            trial.state = "complete" if len(trial.reports) >= self.epochs else "stopped"
            trial.constant = best.get("classes_predicted") == 1
        self._states[trial.state] += 1
        self.epochs_done += self.epochs - len(trial.reports)
        self.sampler.finish(trial.number, trial.state, best["score"] if best else None)
        return trial.state

    def replay(self, event: dict[str, Any]) -> None:
        """Takes up one event that the ledger holds of this cell."""
        name = event["trial"]
        if event["event"] == "start":
            number = int(name.rpartition("-")[2])
            self._add(number, self.sampler.begin(number, event["settings"]))
        elif event["event"] == "report":
            self.report(name, event)
            # What was decided then was done then; a changed rule does not rewrite it.
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
