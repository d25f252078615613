"""What is kept of a stage: each cell's best weights, in their place, and records that hold."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pkd.errors import CacheError
from pkd.files.atomic import write_json
from pkd.files.cache import verify, write_manifest
from study.config.cell import Cell
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.storage.layout import Layout
from study.storage.ledger import Ledger


def home_of(layout: Layout, cell: Cell) -> Path:
    """Where a cell's best model lives."""
    return layout.teacher(cell.task) if cell.method == "teacher" else layout.model(cell)


def drop_beaten_weights(layout: Layout, search: CellSearch) -> None:
    """Deletes the weights of ended trials that are not among the cell's best."""
    kept = search.best
    for name, trial in search.trials.items():
        if trial.state != "running" and name not in kept:
            layout.store.delete(layout.weights(search.cell, name))


def promote_winners(layout: Layout, dispatcher: TrialDispatcher) -> None:
    """Moves the best weights of each cell to their place; what is there already stays.

    Raises:
        CacheError: if the ledger knows of a winner whose weights are nowhere, or if those of a
            teacher are damaged.
    """
    for search in dispatcher.searches.values():
        for rank, trial in enumerate(search.best):
            further = layout.further_teacher(search.cell.task, trial)
            home = further if rank else home_of(layout, search.cell)
            _promote(layout, search, trial, home)
            # Everything after this stage learns from the teachers. Students are checked when used.
            if dispatcher.stage == "teachers":
                verify(layout.store.fetch(home))


def _promote(layout: Layout, search: CellSearch, name: str, home: Path) -> None:
    store, trial = layout.store, search.trials[name]
    weights = layout.weights(search.cell, name)
    if store.fetch(weights).exists():
        best = trial.best or {}
        card = {
            "task": search.cell.task,
            "depth": search.cell.depth,
            "method": search.cell.method,
            "trial": name,
            "settings": trial.settings,
            "score": best["score"],
            "metrics": best["metrics"],
        }
        write_json(weights / "study.json", card)
        write_manifest(weights, card)
        shutil.rmtree(home, ignore_errors=True)
        home.parent.mkdir(parents=True, exist_ok=True)
        weights.rename(home)
        store.publish(home)
        store.delete(weights)
    if not store.exists(home):
        record = layout.ledger / search.cell.stage / search.cell.name
        raise CacheError(
            f"{home} is missing though the ledger says it was trained: restore it, or "
            f"delete {record} to train it again"
        )


def signals_hold(layout: Layout, name: str, note: Callable[[str], None]) -> bool:
    """Whether signals are there and, where this node holds them, undamaged.

    Args:
        layout: where they are.
        name: of their folder; damaged ones are deleted.
        note: tells a person that they were.
    """
    folder = layout.signals / name
    if not layout.store.exists(folder):
        return False
    try:
        if folder.exists():
            verify(folder)
    except CacheError as error:
        note(f"{error}: they are made again")
        layout.store.delete(folder)
        return False
    return True


def supersede_unless(
    layout: Layout,
    ledger: Ledger,
    cells: Iterable[Cell],
    valid: Callable[[Cell, dict[str, Any]], bool],
    kind: str = "start",
) -> None:
    """Sets the records of cells aside whose events of one kind do not hold any more."""
    for cell in cells:
        events = ledger.events(f"{cell.stage}/{cell.name}")
        if any(event["event"] == kind and not valid(cell, event) for event in events):
            layout.supersede(cell)
