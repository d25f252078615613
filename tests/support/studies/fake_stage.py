"""A stage without Ray and without training: four cells whose scores are computed, not trained."""

import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pkd.files.run_format import Event
from study.config.cell import Cell
from study.config.search_space import Range, Space
from study.config.sections import Asha
from study.search.budget import Budget, Seeds
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.samplers import ListSampler, OptunaSampler, dimensions, grid
from study.search.trial_record import STOP
from study.storage.ledger import Ledger
from study.trials.study_trial import StudyTrial
from study.tuning.stage_queue import Stage, StageGenerator, StageQueue

SPACE = Space(
    learning_rate=Range(low=1e-5, high=1e-3, log=True),
    temperature=Range(low=1, high=20),
    alpha=Range(low=0, high=1),
    beta=(10.0, 100.0, 1000.0),
)
EPOCHS = 4
SEED = 7


class Unwatched:
    """An observer that does nothing."""

    def changed(
        self, dispatcher: TrialDispatcher, search: CellSearch, trial: str, what: str
    ) -> None:
        """Does nothing."""


@dataclass(frozen=True)
class FakeReport:
    """The parts of an epoch report that the driver reads."""

    epoch: int
    score: float
    metrics: dict[str, dict[str, float]]
    classes_predicted: int
    train_seconds: float
    eval_seconds: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Crash(Exception):
    """Stands for the SIGKILL of the driver."""


class CrashingLedger(Ledger):
    """A ledger whose driver dies before or after it writes its ``at``-th event."""

    def __init__(self, root: Path, at: int, written: bool) -> None:
        super().__init__(root)
        self._left, self._written = at, written

    def _append(self, *args: Any) -> Event:
        self._left -= 1
        if self._left == 0:
            if self._written:
                super()._append(*args)
            raise Crash
        return super()._append(*args)


def searches(budget: int = 4) -> list[CellSearch]:
    """TPE with ASHA, TPE without, random with ASHA, and a grid: in this order."""

    def cell(method: str) -> Cell:
        return Cell("search", "rte", 2, method)

    def sampled(method: str, algorithm: str) -> OptunaSampler:
        space = dimensions(SPACE, cell(method).tunable, {})
        return OptunaSampler(space, algorithm, SEED, cell(method).name, startup=2)

    asha = Asha(grace_epochs=1, reduction_factor=2)
    full, stopping = Budget(budget, EPOCHS), Budget(budget, EPOCHS, asha)
    rates = ListSampler(grid({"learning_rate": (1e-3, 1e-4, 1e-5)}))
    same, own = Seeds(SEED), Seeds(SEED, step=1)
    return [
        CellSearch(cell("pkd-skip"), sampled("pkd-skip", "tpe"), stopping, seeds=same),
        CellSearch(cell("kd"), sampled("kd", "tpe"), full, seeds=same),
        CellSearch(cell("pkd-last"), sampled("pkd-last", "random"), stopping, seeds=same),
        CellSearch(cell("ft"), rates, Budget(3, EPOCHS, asha), seeds=own),
    ]


def make_dispatcher(
    root: Path, budget: int = 4, ledger: Ledger | None = None, **options: Any
) -> TrialDispatcher:
    """A dispatcher over the ledger in ``root``, as a new driver makes it."""
    record = ledger or Ledger(root)
    return TrialDispatcher("search", searches(budget), record, Unwatched(), **options)


def one_stage(dispatcher: TrialDispatcher) -> StageQueue:
    """The queue of a study that has one stage."""

    def stages() -> StageGenerator[None]:
        yield Stage(dispatcher, StudyTrial, lambda search, trial: None)

    return StageQueue(stages())


def chance(*key: object) -> float:
    """A number in 0 … 1 that depends on the key alone."""
    return zlib.crc32(repr(key).encode()) / 2**32


def report_of(search: CellSearch, name: str, epoch: int) -> FakeReport:
    """What a trial reports after an epoch."""
    settings = search.trials[name].settings
    score = chance(search.cell.name, settings, epoch)
    # One trial in eight predicts a single class in all its epochs.
    classes = 1 if chance("classes", search.cell.name, settings) < 1 / 8 else 2
    return FakeReport(epoch, score, {"validation": {"acc": score}}, classes, 1.5, 0.5)


def advance(dispatcher: TrialDispatcher, search: CellSearch, name: str) -> bool:
    """Runs a trial's next epoch, in which one in twelve diverges; returns whether it goes on."""
    trial = search.trials[name]
    epoch = len(trial.reports) + 1
    if chance("diverges", search.cell.name, trial.settings, epoch) < 1 / 12:
        dispatcher.fail(search, name, "the training loss is not finite")
        return False
    return dispatcher.report(search, name, report_of(search, name, epoch)) != STOP


def run_until_done(dispatcher: TrialDispatcher) -> list[tuple[str, str]]:
    """Runs all remaining trials, one at a time; returns them in the order of their end."""
    order = []
    for search, name in list(dispatcher.running):
        order.append((search.cell.name, name))
        while advance(dispatcher, search, name):
            pass
    while (trial := dispatcher.next()) is not None:
        order.append((trial.search.cell.name, trial.name))
        while advance(dispatcher, *trial):
            pass
    return order


def snapshot(dispatcher: TrialDispatcher) -> dict[str, Any]:
    """Everything that decides what a dispatcher does next, in comparable form."""
    return {search.cell.name: _cell(search) for search in dispatcher.searches.values()}


def _cell(search: CellSearch) -> dict[str, Any]:
    trials = {
        name: (
            trial.number,
            trial.settings,
            [(report["epoch"], report["score"]) for report in trial.reports],
            trial.decision,
            trial.state,
            trial.constant,
        )
        for name, trial in search.trials.items()
    }
    optuna, rungs = [], None
    if isinstance(search.sampler, OptunaSampler):
        optuna = [
            (trial.state, trial.params, trial.value, trial.intermediate_values)
            for trial in search.sampler.trials
        ]
    if search._asha is not None:
        rungs = [list(bracket._rungs) for bracket in search._asha._brackets]
    return {"trials": trials, "optuna": optuna, "rungs": rungs, "winner": search.winner}
