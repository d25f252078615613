"""Which weights are kept after a stage: the best, and those of an ensemble."""

import shutil
from pathlib import Path

import pytest

from pkd.errors import CacheError
from study.config.cell import Cell
from study.search.budget import Budget
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.samplers import ListSampler
from study.stages.results.saved_models import SavedModels
from study.stages.results.winners import delete_beaten_weights, promote_winners
from study.storage.layout import Layout
from study.storage.ledger import Ledger
from tests.support.studies.dispatchers import report, take
from tests.support.studies.fake_stage import Unwatched


def test_the_weights_of_an_ensemble_are_kept_and_moved_to_their_places(tmp_path: Path) -> None:
    layout, cell = Layout(tmp_path / "out"), Cell("teachers", "rte", 4, "teacher")
    rates = [{"learning_rate": rate} for rate in (1e-5, 2e-5, 3e-5, 5e-5)]
    search = CellSearch(cell, ListSampler(rates), Budget(4, 1, keep=2))
    dispatcher = TrialDispatcher("teachers", [search], Ledger(layout.ledger), Unwatched())
    assert search.best == []
    left = {}
    # The last one has the best score, but it predicts a single class.
    for score, classes in ((0.6, 2), (0.8, 2), (0.7, 2), (0.9, 1)):
        trial = take(dispatcher)
        (weights := layout.weights(cell, trial[1])).mkdir(parents=True)
        (weights / "config.json").write_text(trial[1])
        dispatcher.report(*trial, report(1, score, classes))
        delete_beaten_weights(layout, search)
        left[trial[1]] = sorted(path.name for path in weights.parent.iterdir())
    assert search.best == ["trial-0001", "trial-0002"] and search.winner == "trial-0001"
    assert left["trial-0000"] == ["trial-0000"]
    assert left["trial-0001"] == ["trial-0000", "trial-0001"]
    assert left["trial-0002"] == left["trial-0003"] == ["trial-0001", "trial-0002"]
    for _ in range(2):  # as after a crash: weights in their place stay
        saved = SavedModels(layout.store, layout.ledger)
        promote_winners(layout, dispatcher, saved)
        first, other = layout.teacher("rte"), layout.ensemble_member("rte", "trial-0002")
        assert (first / "config.json").read_text() == "trial-0001"
        assert (other / "config.json").read_text() == "trial-0002"
    assert saved.damaged() == []
    shutil.rmtree(other)
    record = layout.events(cell, "trial-0002")
    with pytest.raises(CacheError, match=f"does not hold the model of trial-0002: .*mv {record} "):
        promote_winners(layout, dispatcher, SavedModels(layout.store, layout.ledger))


def test_the_saved_model_of_another_trial_is_not_taken_for_the_winners(tmp_path: Path) -> None:
    layout, cell = Layout(tmp_path / "out"), Cell("confirm", "rte", 2, "kd")
    search = CellSearch(cell, ListSampler([{}, {}]), Budget(2, 1), prefix="seed")
    dispatcher = TrialDispatcher("confirm", [search], Ledger(layout.ledger), Unwatched())
    for score in (0.8, 0.6):
        dispatcher.report(*take(dispatcher), report(1, score, 2))
    layout.model(cell).mkdir(parents=True)
    card = layout.model(cell) / "study.json"
    card.write_text('{"trial": "seed-0000"}')
    promote_winners(layout, dispatcher, SavedModels(layout.store, layout.ledger))
    # The first seed was trained again and became worse, or the other one better.
    card.write_text('{"trial": "seed-0001"}')
    with pytest.raises(CacheError, match="models/rte-2-kd does not hold the model of seed-0000"):
        promote_winners(layout, dispatcher, SavedModels(layout.store, layout.ledger))
