"""Stage 4: training each cell's winner again, with new seeds."""

from study.config.cell import Cell
from study.search.budget import Budget, Seeds
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.samplers import ListSampler
from study.stages.context import StudyContext
from study.stages.results.stale_records import supersede_unless
from study.stages.run_stage import run_stage, stage_dispatcher
from study.stages.training_work import SignalFolders, student_work
from study.trials.study_trial import StudyTrial
from study.tuning.stage_queue import StageGenerator

STAGE = "confirm"
# Confirm seeds are this far from the search's seed, so that no trial is repeated.
_SEED_OFFSET = 1000


def confirm_stage(
    context: StudyContext, search: TrialDispatcher, signals: SignalFolders
) -> StageGenerator[TrialDispatcher]:
    """Trains the winner of each cell with several seeds.

    Args:
        context: the study.
        search: the search stage at its end.
        signals: what the students learn from.
    """
    searches = [_confirm_search(context, found) for found in search.searches.values()]
    settings = {each.cell: each.sampler.propose(0) for each in searches}
    supersede_unless(context, settings, lambda cell, event: event["settings"] == settings[cell])
    dispatcher = stage_dispatcher(context, STAGE, searches, keep_best=True)
    make_work = student_work(context, signals, keep_weights=True)
    return (yield from run_stage(context, dispatcher, StudyTrial, make_work))


def _confirm_search(context: StudyContext, found: CellSearch) -> CellSearch:
    assert found.winner is not None
    winner, config = found.trials[found.winner], context.config
    trials = config.confirm.seeds
    return CellSearch(
        Cell(STAGE, found.cell.task, found.cell.depth, found.cell.method),
        ListSampler([winner.settings] * trials),
        Budget(trials, config.train.epochs),
        seeds=Seeds(config.seed + _SEED_OFFSET, step=1),
        prefix="seed",
        cost=found.cost,
    )
