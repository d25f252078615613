"""What is run of a stage, and when it is complete."""

import pytest

from pkd.data.preparation import Prepared
from study.config.cell import Cell
from study.search.budget import Budget
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.samplers import ListSampler
from study.stages.run_stage import run_stage
from study.trials.study_trial import StudyTrial
from study.tuning.completeness import StageIncomplete
from tests.support.studies.contexts import MakeContext, finished, result_of
from tests.support.studies.dispatchers import take

KD = Cell("search", "rte", 2, "kd")


def test_a_cell_in_which_every_trial_failed_stays_incomplete(
    rte: Prepared, make_context: MakeContext
) -> None:
    context = make_context(rte)

    def dispatcher() -> TrialDispatcher:
        search = CellSearch(KD, ListSampler([{"alpha": 0.5}]), Budget(1, 1))
        return TrialDispatcher("search", [search], context.ledger, context.view)

    failing = dispatcher()
    failing.fail(*take(failing), "the training loss is not finite")
    # The same command again finds nothing to run, and still no winner to confirm.
    with pytest.raises(StageIncomplete, match="rte-2-kd: every trial failed"):
        result_of(run_stage(context, dispatcher(), StudyTrial, lambda search, trial: None))


def test_a_finished_stage_starts_no_tuner(
    rte: Prepared, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = make_context(rte)
    dispatcher = finished(context, KD, [{"alpha": 0.5}])
    monkeypatch.setattr("study.tuning.tuner.tune.Tuner", lambda *a, **k: pytest.fail("a tuner"))
    stage = run_stage(context, dispatcher, StudyTrial, lambda search, trial: None)
    assert result_of(stage) is dispatcher
