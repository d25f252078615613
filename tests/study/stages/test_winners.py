"""What is kept of the trials that are needed after their stage: of an ensemble several."""

import shutil
from pathlib import Path

import pytest

from pkd.errors import CacheError
from study.config.cell import Cell
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.samplers import ListSampler
from study.stages.winners import drop_beaten_weights, promote_winners
from study.storage.layout import Layout
from study.storage.ledger import Ledger
from study.tuning.tuner import StageIncomplete, check_complete
from tests.support.studies.dispatchers import dispatcher_of, fixed, report, take
from tests.support.studies.fake_stage import Unwatched


def test_the_weights_of_an_ensemble_are_kept_and_find_their_places(tmp_path: Path) -> None:
    layout, cell = Layout(tmp_path / "out"), Cell("teachers", "rte", 4, "teacher")
    rates = [{"learning_rate": rate} for rate in (1e-5, 2e-5, 3e-5, 5e-5)]
    search = CellSearch(cell, ListSampler(rates), 4, 1, keep=2)
    dispatcher = TrialDispatcher("teachers", [search], Ledger(layout.ledger), Unwatched())
    assert search.best == []
    left = {}
    # The last one is the best by its score, but it predicts one class only.
    for score, classes in ((0.6, 2), (0.8, 2), (0.7, 2), (0.9, 1)):
        work = take(dispatcher)
        (weights := layout.weights(cell, work[1])).mkdir(parents=True)
        (weights / "config.json").write_text(work[1])
        dispatcher.report(*work, report(1, score, classes))
        drop_beaten_weights(layout, search)
        left[work[1]] = sorted(path.name for path in weights.parent.iterdir())
    assert search.best == ["trial-0001", "trial-0002"] and search.winner == "trial-0001"
    assert left["trial-0000"] == ["trial-0000"]
    assert left["trial-0001"] == ["trial-0000", "trial-0001"]
    assert left["trial-0002"] == left["trial-0003"] == ["trial-0001", "trial-0002"]
    for _ in range(2):  # as after a crash: what is there stays
        promote_winners(layout, dispatcher)
        first, further = layout.teacher("rte"), layout.further_teacher("rte", "trial-0002")
        assert (first / "config.json").read_text() == "trial-0001"
        assert (further / "config.json").read_text() == "trial-0002"
    shutil.rmtree(further)
    with pytest.raises(CacheError, match="ensembles/rte/trial-0002 is missing"):
        promote_winners(layout, dispatcher)


def test_an_ensemble_that_lacks_a_teacher_is_incomplete(tmp_path: Path) -> None:
    search = fixed("rte", 2, epochs=1, keep=2)
    dispatcher = dispatcher_of(tmp_path, search)
    dispatcher.report(*take(dispatcher), report(1, 0.5))
    dispatcher.fail(*take(dispatcher), "diverged")
    with pytest.raises(StageIncomplete, match="rte-2-ft: only 1 of 2 trials that are needed"):
        check_complete(dispatcher, Layout(tmp_path))
