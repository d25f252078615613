"""Keeping each cell's best weights and deleting the others."""

import json
import shutil
from pathlib import Path

from pkd.errors import CacheError
from pkd.files.atomic import write_json
from pkd.files.cache import write_manifest
from pkd.files.run_format import MODEL_RECORD
from study.config.cell import Cell
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.stages.results.saved_models import SavedModels
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


def promote_winners(layout: Layout, dispatcher: TrialDispatcher, saved: SavedModels) -> None:
    """Moves the best weights of each cell to their place, unless they are there already.

    Args:
        layout: where weights are and where they go.
        dispatcher: a stage at its end.
        saved: gets the places.

    Raises:
        CacheError: if the weights of recorded winners are missing, naming all of them.
    """
    lost = []
    for search in dispatcher.searches.values():
        for rank, trial in enumerate(search.best):
            member = layout.ensemble_member(search.cell.task, trial)
            home = member if rank else model_folder(layout, search.cell)
            if _promote(layout, search, trial, home):
                saved.add(home, layout.events(search.cell, trial))
            else:
                lost.append(saved.lost(home, layout.events(search.cell, trial)))
    if lost:
        raise CacheError("\n".join(lost))


def _promote(layout: Layout, search: CellSearch, name: str, home: Path) -> bool:
    """Moves the weights of a trial; returns whether they are at their place then."""
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
    return store.exists(home) and _trial_of(store.read(home / MODEL_RECORD)) in (name, None)


def _trial_of(card: bytes | None) -> str | None:
    """Returns the trial that a saved model names; None if its card is damaged."""
    try:
        return str(json.loads(card or b"")["trial"])
    except (ValueError, KeyError, TypeError):
        return None
