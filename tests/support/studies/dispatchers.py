"""Boards of a few cells, and what a trial may report to them."""

from pathlib import Path
from typing import Any

from study.config.cell import Cell
from study.config.search_space import Range
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.samplers import ListSampler, OptunaSampler
from study.storage.ledger import Ledger
from tests.support.studies.fake_stage import Unwatched

SPACE = {"learning_rate": Range(low=1e-5, high=1e-3, log=True)}


def fixed(task: str, trials: int, epochs: int = 2, **more: Any) -> CellSearch:
    rates = [{"learning_rate": 1e-5 * (1 + number)} for number in range(trials)]
    cell = Cell("search", task, 2, "ft")
    return CellSearch(cell, ListSampler(rates), trials, epochs, **more)


def sampled(task: str, trials: int, epochs: int = 2, **more: Any) -> CellSearch:
    cell = Cell("search", task, 2, "ft")
    sampler = OptunaSampler(SPACE, "random", 1, cell.name)
    return CellSearch(cell, sampler, trials, epochs, **more)


def dispatcher_of(tmp_path: Path, *searches: CellSearch, **more: Any) -> TrialDispatcher:
    return TrialDispatcher("search", searches, Ledger(tmp_path), Unwatched(), **more)


def report(epoch: int, score: float, classes: int = 2) -> dict[str, Any]:
    seconds = {"train_seconds": 2.0, "eval_seconds": 1.0}
    metrics = {"metrics": {"validation": {"f1": score}}, "classes_predicted": classes}
    return {"epoch": epoch, "score": score, **metrics, **seconds}


def take(dispatcher: TrialDispatcher) -> tuple[CellSearch, str]:
    work = dispatcher.next()
    assert work is not None
    return work
