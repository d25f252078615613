"""Stage 5: predicting the test splits and scoring the held-out splits."""

from typing import Any

from pkd.files.cache import MANIFEST, digest_of
from study.config.cell import Cell
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.stages.context import StudyContext
from study.stages.results.stale_records import predictions_usable, supersede_unless
from study.stages.results.winners import model_folder
from study.stages.run_stage import job_search, run_stage, stage_dispatcher
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
    models = {
        Cell(STAGE, search.cell.task, search.cell.depth, search.cell.method): search
        for search in (*teachers.searches.values(), *confirm.searches.values())
    }
    settings = {cell: _settings(context, search) for cell, search in models.items()}
    supersede_unless(context, models, lambda cell, event: _same(event["settings"], settings[cell]))
    supersede_unless(
        context,
        models,
        lambda cell, event: predictions_usable(context.layout, cell, event, context.view.note),
        kind="report",
    )
    searches = [
        job_search(cell, [settings[cell]], cost=1.0) for cell in models if settings[cell]["tokens"]
    ]

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
    layout, prepared = context.layout, context.prepared(search.cell)
    manifest = layout.store.read(model_folder(layout, search.cell) / MANIFEST)
    return {
        # The name alone does not distinguish a winner from one of the same name in an earlier
        # round.
        "trial": search.winner,
        **search.trials[search.winner].settings,
        "model": digest_of(manifest),
        "tokens": {split: prepared.tokens[split].name for split in prepared.task.predicted},
    }


def _same(recorded: dict[str, Any], settings: dict[str, Any]) -> bool:
    """Whether recorded settings hold; that a manifest is damaged says nothing about the model."""
    if settings["model"] is None:
        recorded = recorded | {"model": None}
    return recorded == settings and bool(settings["tokens"])
