"""Stage 2: caching the teachers' signals."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pkd.data.preparation import Prepared
from pkd.distillation.methods import METHODS
from study.config.cell import Cell
from study.planning.plan import Plan
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.stages.context import StudyContext
from study.stages.results.stale_records import signals_usable, supersede_unless
from study.stages.run_stage import job_search, run_stage, stage_dispatcher
from study.stages.training_work import SignalFolders
from study.storage.layout import Layout
from study.trials.jobs import SignalsJob
from study.trials.work import SignalsWork
from study.tuning.stage_queue import StageGenerator

STAGE = "signals"


def signals_stage(
    context: StudyContext, teachers: TrialDispatcher
) -> StageGenerator[SignalFolders]:
    """Caches the signals that students learn from.

    Args:
        context: the study.
        teachers: the teachers stage at its end.

    Returns:
        The signal folders of each task; empty if no method needs a teacher.
    """
    if not any(METHODS[method].needs_teacher for method in context.config.methods):
        context.view.skip(STAGE)
        return {}
    plan, layout = context.plan, context.layout
    requests = {
        Cell(STAGE, search.cell.task, search.cell.depth, "teacher"): signals_requests(
            plan, layout, search
        )
        for search in teachers.searches.values()
    }
    settings = {cell: [request.settings for request in requests[cell]] for cell in requests}
    supersede_unless(context, requests, lambda cell, event: event["settings"] in settings[cell])
    supersede_unless(
        context,
        requests,
        lambda cell, event: signals_usable(layout, event["folder"], context.view.note),
        kind="report",
    )
    searches = [
        job_search(cell, settings[cell], plan.signal_flops(cell.task)) for cell in requests
    ]

    def make_work(search: CellSearch, trial: str) -> SignalsWork:
        request = requests[search.cell][search.trials[trial].number]
        return SignalsWork(
            log=layout.log(search.cell, trial),
            store=layout.store,
            prepared=request.prepared,
            teacher=request.teacher,
            layers=request.settings["layers"],
            root=layout.signals,
            precision=context.config.train.precision,
        )

    dispatcher = stage_dispatcher(context, STAGE, searches)
    yield from run_stage(context, dispatcher, SignalsJob, make_work)
    return {
        search.cell.task: tuple(
            layout.signals / search.trials[name].reports[0]["folder"]
            for name in sorted(search.trials)
        )
        for search in dispatcher.searches.values()
    }


@dataclass(frozen=True)
class SignalsRequest:
    """The signals that one teacher computes.

    Attributes:
        prepared: the task in the teacher's tokens.
        teacher: folder of the teacher.
        settings: as the ledger records them: ``layers`` whose states are kept and, except for a
            task's first teacher, the name of the ``teacher``.
    """

    prepared: Prepared
    teacher: Path
    settings: dict[str, Any]


def signals_requests(plan: Plan, layout: Layout, search: CellSearch) -> list[SignalsRequest]:
    """Returns what the teachers of a task compute: the first one logits and states, others logits.

    Args:
        plan: the plan of the study.
        layout: where teachers are.
        search: the task's cell of the teachers stage.
    """
    task, teachers = search.cell.task, plan.teachers
    prepared = teachers.tasks[task]
    if teachers.given:
        others = [(each.prepared, each.folder) for each in teachers.other_members.get(task, ())]
    else:
        others = [(prepared, layout.ensemble_member(task, trial)) for trial in search.best[1:]]
    first = {"layers": list(plan.layers_needed())}
    return [
        SignalsRequest(prepared, layout.teacher(task), first),
        *(
            # Folders are named by their trial, or by their content if the teacher was given.
            SignalsRequest(tokens, folder, {"layers": [], "teacher": folder.name})
            for tokens, folder in others
        ),
    ]
