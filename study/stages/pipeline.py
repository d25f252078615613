"""The five stages of a study in their order."""

from study.stages.confirm_stage import confirm_stage
from study.stages.context import StudyContext
from study.stages.predict_stage import predict_stage
from study.stages.results.winners import promote_winners
from study.stages.search_stage import search_stage
from study.stages.signals_stage import signals_stage
from study.stages.teachers_stage import teachers_stage
from study.tuning.stage_queue import StageGenerator


def remaining_work(context: StudyContext) -> StageGenerator[None]:
    """Yields the work that the ledger lacks, to `study.tuning.tuner.run_stages`.

    Args:
        context: the study.

    Raises:
        StageIncomplete: if a stage could not be finished, naming its cells.
    """
    teachers = yield from teachers_stage(context)
    promote_winners(context.layout, teachers, context.saved)
    signals = yield from signals_stage(context, teachers)
    search = yield from search_stage(context, signals)
    confirm = yield from confirm_stage(context, search, signals)
    promote_winners(context.layout, confirm, context.saved)
    yield from predict_stage(context, teachers, confirm)
