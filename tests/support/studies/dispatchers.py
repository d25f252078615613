"""Dispatchers of a few cells, and the reports that their trials give."""

from pathlib import Path
from typing import Any

from study.config.cell import Cell
from study.config.search_space import Range
from study.config.sections import Asha
from study.search.budget import Budget
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher, TrialRef
from study.search.samplers import ListSampler, OptunaSampler
from study.storage.ledger import Ledger
from tests.support.studies.fake_stage import FakeReport, Unwatched

SPACE = {"learning_rate": Range(low=1e-5, high=1e-3, log=True)}


def fixed(
    task: str,
    trials: int,
    epochs: int = 2,
    *,
    asha: Asha | None = None,
    keep: int = 1,
    **options: Any,
) -> CellSearch:
    """A cell that tries a fixed list of learning rates."""
    rates = [{"learning_rate": 1e-5 * (1 + number)} for number in range(trials)]
    budget = Budget(trials, epochs, asha, keep)
    return CellSearch(Cell("search", task, 2, "ft"), ListSampler(rates), budget, **options)


def sampled(task: str, trials: int, epochs: int = 2) -> CellSearch:
    """A cell that draws learning rates at random."""
    cell = Cell("search", task, 2, "ft")
    sampler = OptunaSampler(SPACE, "random", 1, cell.name)
    return CellSearch(cell, sampler, Budget(trials, epochs))


def dispatcher_of(tmp_path: Path, *searches: CellSearch, **options: Any) -> TrialDispatcher:
    return TrialDispatcher("search", searches, Ledger(tmp_path), Unwatched(), **options)


def report(
    epoch: int,
    score: float,
    classes: int = 2,
    metrics: dict[str, dict[str, float]] | None = None,
) -> FakeReport:
    return FakeReport(
        epoch=epoch,
        score=score,
        metrics=metrics or {"validation": {"f1": score}},
        classes_predicted=classes,
        train_seconds=2.0,
        eval_seconds=1.0,
    )


def take(dispatcher: TrialDispatcher) -> TrialRef:
    """The next trial, which must exist."""
    trial = dispatcher.next()
    assert trial is not None
    return trial
