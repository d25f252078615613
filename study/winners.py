"""What is kept of a stage: each cell's best weights, in their place, and records that hold."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pkd.cache import verify, write_manifest
from pkd.errors import CacheError
from pkd.files import write_json
from study.board import Board
from study.cells import Cell
from study.cellsearch import CellSearch
from study.layout import Layout
from study.ledger import Ledger


def home_of(layout: Layout, cell: Cell) -> Path:
    """Where a cell's best model lives."""
    return layout.teacher(cell.task) if cell.method == "teacher" else layout.model(cell)


def drop_beaten_weights(layout: Layout, search: CellSearch) -> None:
    """Deletes the weights of ended trials that are not the cell's best."""
    winner = search.winner
    for name, trial in search.trials.items():
        if trial.state != "running" and name != winner:
            layout.store.delete(layout.weights(search.cell, name))


def promote_winners(layout: Layout, board: Board) -> None:
    """Moves each winner's weights to their place; a winner that is there already stays.

    Raises:
        CacheError: if the ledger knows of a winner whose weights are nowhere, or if those of a
            teacher are damaged.
    """
    store = layout.store
    for search in board.searches.values():
        assert search.winner is not None
        home, winner = home_of(layout, search.cell), search.trials[search.winner]
        weights = layout.weights(search.cell, search.winner)
        if store.fetch(weights).exists():
            best = winner.best or {}
            card = {
                "task": search.cell.task,
                "depth": search.cell.depth,
                "method": search.cell.method,
                "trial": search.winner,
                "settings": winner.settings,
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
        # Everything after this stage learns from the teachers. Students are checked when used.
        if board.stage == "teachers":
            verify(store.fetch(home))


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
