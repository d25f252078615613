"""Running one stage: its dispatcher, its jobs, and its end."""

from collections.abc import Callable, Iterable
from typing import Any

import ray

from study.config.cell import Cell
from study.search.budget import Budget
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.samplers import ListSampler
from study.stages.context import StudyContext
from study.stages.results.winners import delete_beaten_weights
from study.trials.lazy_trainable import Runner
from study.tuning.completeness import check_complete
from study.tuning.retries import run_until_done
from study.tuning.stage_queue import MakeWork, Stage, StageGenerator


def stage_dispatcher(
    context: StudyContext,
    stage: str,
    searches: Iterable[CellSearch],
    *,
    ready: Callable[[CellSearch], bool] = lambda search: True,
    keep_best: bool = False,
) -> TrialDispatcher:
    """Returns the dispatcher of a stage, in the state that the ledger holds.

    Args:
        context: the study.
        stage: the stage's name.
        searches: its cells.
        ready: returns whether a cell may start new trials.
        keep_best: whether weights are deleted as soon as they are not among a cell's best.
    """

    def on_end(search: CellSearch, trial: str) -> None:
        if keep_best:
            delete_beaten_weights(context.layout, search)

    return TrialDispatcher(
        stage,
        searches,
        context.ledger,
        context.view,
        ready=ready,
        on_end=on_end,
        checkpoint_of=context.layout.checkpoint,
        max_running=context.config.resources.max_concurrent,
    )


def run_stage(
    context: StudyContext,
    dispatcher: TrialDispatcher,
    runner: Callable[[Any], Runner],
    make_work: MakeWork,
) -> StageGenerator[TrialDispatcher]:
    """Runs what is left of a stage.

    Args:
        context: the study.
        dispatcher: the stage's trials.
        runner: runs a trial in a worker.
        make_work: returns the work of a trial.

    Returns:
        The dispatcher, with every trial at its end.

    Raises:
        StageIncomplete: if trials are missing.
        CacheError: if a teacher is damaged, and trials are left that depend on it.
    """
    if dispatcher.done:
        context.view.skip(dispatcher)
    else:
        if dispatcher.stage != "predict":  # there only the trial of a damaged model fails
            context.saved.check()
        if not ray.is_initialized():
            context.restart_ray()
        stage = Stage(dispatcher, runner, make_work)
        with context.view.stage(dispatcher):
            yield from run_until_done(
                stage,
                context.layout,
                context.restart_ray,
                context.view.note,
                context.config.trackers,
            )
    check_complete(dispatcher, context.layout)
    return dispatcher


def job_search(
    cell: Cell, settings: list[dict[str, Any]], cost: float, prefix: str = "job"
) -> CellSearch:
    """Returns the one-step jobs of a cell, all of which must succeed.

    Args:
        cell: which cell.
        settings: those of each job.
        cost: relative cost of a job.
        prefix: of the jobs' names.
    """
    budget = Budget(trials=len(settings), epochs=1, keep=len(settings))
    return CellSearch(cell, ListSampler(settings), budget, prefix=prefix, cost=cost)
