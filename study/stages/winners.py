"""Keeping each cell's best weights and deleting the others."""

import shutil
from pathlib import Path

from pkd.errors import CacheError
from pkd.files.atomic import write_json
from pkd.files.cache import verify, write_manifest
from pkd.files.run_format import MODEL_RECORD
from study.config.cell import Cell
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.storage.layout import Layout


def model_folder(layout: Layout, cell: Cell) -> Path:
    """Returns the folder of a cell's best model."""
    return layout.teacher(cell.task) if cell.method == "teacher" else layout.model(cell)


def delete_beaten_weights(layout: Layout, search: CellSearch) -> None:
    """Deletes the weights of ended trials that are not among the cell's best."""
    best = search.best
    for name, trial in search.trials.items():
        if trial.state != "running" and name not in best:
            layout.store.delete(layout.weights(search.cell, name))


def promote_winners(layout: Layout, dispatcher: TrialDispatcher) -> None:
    """Moves the best weights of each cell to their place, unless they are there already.

    Raises:
        CacheError: if the weights of a recorded winner are missing, or if those of a teacher
            are damaged.
    """
    for search in dispatcher.searches.values():
        for rank, trial in enumerate(search.best):
            member = layout.ensemble_member(search.cell.task, trial)
            home = member if rank else model_folder(layout, search.cell)
            _promote(layout, search, trial, home)
            # All later stages depend on the teachers. Students are checked when they are used.
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
        write_json(weights / MODEL_RECORD, card)
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
