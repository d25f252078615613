"""Stage 5: predicting the test splits and scoring the held-out splits."""

from typing import Any

from study.config.cell import Cell
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.stages.context import StudyContext
from study.stages.run_stage import job_search, run_stage, stage_dispatcher
from study.stages.stale_records import supersede_unless
from study.stages.winners import model_folder
from study.trials.jobs import PredictJob
from study.trials.work import PredictWork, TrainedModel
from study.tuning.stage_queue import StageGenerator

STAGE = "predict"


def predict_stage(
    context: StudyContext, teachers: TrialDispatcher, confirm: TrialDispatcher
) -> StageGenerator[None]:
    """Predicts with the best teacher of each task and the best student of each cell.

    Args:
        context: the study.
        teachers: the teachers stage at its end.
        confirm: the confirm stage at its end.
    """
    settings = {}
    for search in (*teachers.searches.values(), *confirm.searches.values()):
        if context.prepared(search.cell).task.predicted:
            cell = Cell(STAGE, search.cell.task, search.cell.depth, search.cell.method)
            settings[cell] = _settings(context, search)
    supersede_unless(context, settings, lambda cell, event: event["settings"] == settings[cell])
    searches = [job_search(cell, [settings[cell]], cost=1.0) for cell in settings]

    def make_work(search: CellSearch, trial: str) -> PredictWork:
        layout, cell = context.layout, search.cell
        return PredictWork(
            log=layout.log(cell, trial),
            store=layout.store,
            model=TrainedModel(
                prepared=context.prepared(cell),
                folder=model_folder(layout, cell),
                predictions=layout.predictions(cell, trial),
            ),
            precision=context.config.train.precision,
        )

    dispatcher = stage_dispatcher(context, STAGE, searches)
    yield from run_stage(context, dispatcher, PredictJob, make_work)


def _settings(context: StudyContext, search: CellSearch) -> dict[str, Any]:
    """What the predictions of a cell's best model depend on."""
    assert search.winner is not None
    # The name alone does not distinguish a winner from one of the same name in an earlier round.
    settings = {"trial": search.winner, **search.trials[search.winner].settings}
    prepared = context.prepared(search.cell)
    if held_out := prepared.task.held_out:
        settings["held_out"] = {split: prepared.tokens[split].name for split in held_out}
    return settings
