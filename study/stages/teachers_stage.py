"""Stage 1: fine-tuning the teachers, or scoring those that are given."""

from study.config.cell import Cell
from study.config.study_config import StudyConfig
from study.search.budget import Budget, Seeds
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.stages.context import StudyContext
from study.stages.proposals import teacher_sampler
from study.stages.run_stage import job_search, run_stage, stage_dispatcher
from study.stages.training_work import teacher_work
from study.trials.jobs import GivenTeacherJob
from study.trials.study_trial import StudyTrial
from study.trials.work import GivenTeacherWork, TrainedModel
from study.tuning.stage_queue import StageGenerator

STAGE = "teachers"


def teachers_stage(context: StudyContext) -> StageGenerator[TrialDispatcher]:
    """Fine-tunes or scores the teachers of each task."""
    if context.plan.teachers.given:
        return (yield from _score_given_teachers(context))
    plan, config = context.plan, context.config
    budget = Budget(config.teacher.trials, config.teacher.epochs, keep=config.teacher.ensemble)
    searches = [
        CellSearch(
            cell,
            teacher_sampler(plan, cell),
            budget,
            seeds=Seeds(config.seed),
            cost=plan.teacher_flops(cell.task),
        )
        for cell in _cells(context)
    ]
    dispatcher = stage_dispatcher(context, STAGE, searches, keep_best=True)
    return (yield from run_stage(context, dispatcher, StudyTrial, teacher_work(context)))


def _score_given_teachers(context: StudyContext) -> StageGenerator[TrialDispatcher]:
    searches = [
        job_search(cell, [{}], context.plan.teacher_flops(cell.task) / 3, prefix="given")
        for cell in _cells(context)
    ]
    dispatcher = stage_dispatcher(context, STAGE, searches)

    def make_work(search: CellSearch, trial: str) -> GivenTeacherWork:
        return _given_teacher_work(context, search, trial)

    yield from run_stage(context, dispatcher, GivenTeacherJob, make_work)
    for line in scores_of_other_teachers(context.config, dispatcher):
        context.view.note(line)
    return dispatcher


def _cells(context: StudyContext) -> list[Cell]:
    return [
        Cell(STAGE, task, context.plan.teacher_layers, "teacher") for task in context.plan.tasks
    ]


def _given_teacher_work(context: StudyContext, search: CellSearch, trial: str) -> GivenTeacherWork:
    layout, teachers, task = context.layout, context.plan.teachers, search.cell.task
    predictions = layout.predictions(search.cell, trial)
    return GivenTeacherWork(
        log=layout.log(search.cell, trial),
        store=layout.store,
        teacher=TrainedModel(
            prepared=teachers.tasks[task], folder=teachers.given[task], predictions=predictions
        ),
        others=tuple(
            TrainedModel(
                prepared=other.prepared,
                folder=other.folder,
                predictions=predictions / other.folder.name,
            )
            for other in teachers.other_members.get(task, ())
        ),
        weights=layout.weights(search.cell, trial),
        precision=context.config.train.precision,
    )


def scores_of_other_teachers(config: StudyConfig, dispatcher: TrialDispatcher) -> list[str]:
    """Returns a line with the dev score of each given teacher that is not its task's first.

    Args:
        config: of the study.
        dispatcher: the teachers stage at its end.
    """
    lines = []
    for search in dispatcher.searches.values():
        others = config.teacher.given(search.cell.task)[1:]
        for trial in search.trials.values():
            # A study of an older version did not score them.
            scores = trial.reports[-1].get("further", ())
            for model, found in zip(others, scores, strict=False):
                score = f"{100 * found['score']:.1f}"
                lines.append(f"teachers {search.cell.name}: {model} scores {score} on dev")
    return lines
