"""Stage 3: searching the hyperparameters of every student cell."""

from functools import partial

from study.config.cell import Cell
from study.search.budget import Budget, Seeds
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.stages.context import StudyContext
from study.stages.proposals import cell_sampler, may_start
from study.stages.run_stage import run_stage, stage_dispatcher
from study.stages.training_work import SignalFolders, student_work
from study.trials.study_trial import StudyTrial
from study.tuning.stage_queue import StageGenerator

STAGE = "search"


def search_stage(context: StudyContext, signals: SignalFolders) -> StageGenerator[TrialDispatcher]:
    """Searches the hyperparameters of each task, depth and method.

    Args:
        context: the study.
        signals: what the students learn from.
    """
    plan, config = context.plan, context.config
    searches: dict[str, CellSearch] = {}
    for task, depth, method in plan.cells:
        cell = Cell(STAGE, task, depth, method)
        searches[cell.name] = CellSearch(
            cell,
            cell_sampler(plan, cell, searches),
            Budget(plan.trials(method), config.train.epochs, config.search.asha),
            seeds=Seeds(config.seed),
            cost=plan.epoch_flops(task, depth),
        )
    ready = partial(may_start, plan, searches)
    dispatcher = stage_dispatcher(context, STAGE, searches.values(), ready=ready)
    make_work = student_work(context, signals, keep_weights=False)
    return (yield from run_stage(context, dispatcher, StudyTrial, make_work))
