"""The work of each training: its files, its hyperparameters and its seed."""

from pathlib import Path
from typing import Any

from pkd.training.training_run import Files, Outputs
from study.search.cell_search import CellSearch
from study.stages.context import StudyContext
from study.trials.work import TrialWork
from study.tuning.stage_queue import MakeWork

# By task, the signal folders of its teachers, the first teacher's first.
SignalFolders = dict[str, tuple[Path, ...]]


def teacher_work(context: StudyContext) -> MakeWork:
    """Returns a function that makes the work of a teacher."""
    teachers, epochs = context.plan.teachers, context.config.teacher.epochs

    def make(search: CellSearch, trial: str) -> TrialWork:
        prepared = teachers.tasks[search.cell.task]
        files = Files(prepared.task, prepared.tokens, teachers.start)
        return _trial_work(context, search, trial, files, {"epochs": epochs}, keep_weights=True)

    return make


def student_work(context: StudyContext, signals: SignalFolders, *, keep_weights: bool) -> MakeWork:
    """Returns a function that makes the work of a stage's students.

    Args:
        context: the study.
        signals: what the students learn from; empty if no method needs a teacher.
        keep_weights: whether a trial's best weights are kept.
    """
    plan, train = context.plan, context.config.train

    def make(search: CellSearch, trial: str) -> TrialWork:
        cell = search.cell
        from_teacher = train.init == "teacher"
        prepared, folders = plan.tasks[cell.task], signals.get(cell.task, ())
        files = Files(
            task=prepared.task,
            tokens=prepared.tokens,
            model=context.layout.teacher(cell.task) if from_teacher else context.encoder,
            signals=folders[0] if folders else None,
            teacher_layers=plan.teacher_layers,
            further_signals=folders[1:],
        )
        schedule = {"epochs": train.epochs, "start_layers": train.start(cell.depth)}
        return _trial_work(context, search, trial, files, schedule, keep_weights)

    return make


def _trial_work(
    context: StudyContext,
    search: CellSearch,
    trial: str,
    files: Files,
    schedule: dict[str, Any],
    keep_weights: bool,
) -> TrialWork:
    cell, record = search.cell, search.trials[trial]
    layout, train = context.layout, context.config.train
    return TrialWork(
        log=layout.log(cell, trial),
        store=layout.store,
        files=files,
        outputs=Outputs(
            checkpoint=layout.checkpoint(cell, trial),
            best_model=layout.weights(cell, trial) if keep_weights else None,
            predictions=layout.predictions(cell, trial),
            checkpoint_every=context.config.resources.checkpoint_every_s,
            written=layout.store.publish,
        ),
        recipe={
            "method": cell.method,
            "layers": cell.depth,
            "seed": search.seed_of(record.number),
            "batch_size": train.batch_size,
            "warmup": train.warmup,
            "weight_decay": train.weight_decay,
            "max_grad_norm": train.max_grad_norm,
            "precision": train.precision,
            "scale": train.scale,
            **schedule,
            **record.settings,
        },
        recorded=len(record.reports),
        own_methods=context.own_methods,
    )
