"""Trains one student; fine-tunes its teacher and caches its signals where they are missing."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pkd.data.preparation import Prepared, describe_task, prepare_task
from pkd.distillation.layer_map import layer_map
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import ask_teacher
from pkd.files.cache import fingerprint
from pkd.models.encoder import depth_of
from pkd.models.external_teacher import adopt_teacher
from pkd.models.hub import fetch_model
from pkd.models.start_layers import start_layers
from pkd.models.stored_weights import describe_head
from pkd.runtime.command_line import say
from pkd.tasks.task import Task
from pkd.training.training_run import Files, Outputs, TrainingRun

_WARNING = (
    "warning: {0} is constant: its best epoch ({1}) predicts a single class, so it has learnt "
    "nothing, whatever its score. Try another learning rate, more epochs or more rows"
)


@dataclass(frozen=True)
class Inputs:
    """What a student is trained from.

    Attributes:
        task: the task.
        model: folder or hub id of the encoder that student and teacher start from.
        teacher: folder or hub id of a fine-tuned classifier, or the recipe to fine-tune one; None
            for a method that needs no teacher.
        data: folder with ``<task>/<split>.parquet``; None downloads the task from the hub.
        out: folder for tokens, signals, teacher, student and predictions.
        max_length: the longest row, in tokens.
        max_train_rows: the largest number of training rows; None for all.
        own_code: digest of the code of a user's own method; None for the methods of the library.
    """

    task: Task
    model: str
    teacher: str | Recipe | None
    data: Path | None
    out: Path
    max_length: int
    max_train_rows: int | None
    own_code: str | None = None


def train_student(recipe: Recipe, inputs: Inputs) -> dict[str, object]:
    """Trains a student.

    A training that was interrupted goes on from its checkpoint. Teacher, signals and tokens are
    used again.

    Returns:
        The task's name, ``model`` (the student's folder), the recipe, and of the best epoch
        ``best_epoch``, ``score``, ``metrics`` and ``constant`` (whether it predicts a single
        class).

    Raises:
        InputError: if task, model, teacher or recipe do not fit together.
    """
    model = fetch_model(inputs.model)
    depth = _student_depth(recipe, inputs, model)
    prepare = partial(
        prepare_task,
        inputs.task,
        cache=inputs.out / "tokens",
        data_dir=inputs.data,
        max_length=inputs.max_length,
        max_train_rows=inputs.max_train_rows,
    )
    prepared = prepare(model)
    if told := describe_task(prepared):
        say(told)
    if brought := describe_head(model, prepared.task.labels, prepared.task.name):
        say(brought)
    signals, teacher_layers = None, None
    if inputs.teacher is not None:
        teacher = _teacher(inputs.teacher, inputs.out, prepared, model)
        teacher_layers = depth_of(teacher)
        # The teacher reads its own tokens; signals are kept for each row, not for each token.
        signals = _signals(recipe, prepare(teacher), teacher, teacher_layers, depth, inputs.out)
    folder = inputs.out / f"{prepared.task.name}-{recipe.layers or 'all'}-{recipe.method}"
    files = Files(prepared.task, prepared.tokens, model, signals, teacher_layers)
    report = _run(recipe, files, folder, inputs.own_code)
    return {"task": prepared.task.name, "model": str(folder), **recipe.model_dump(), **report}


def _student_depth(recipe: Recipe, inputs: Inputs, model: Path) -> int:
    """Returns the student's depth, checked before a teacher is trained."""
    whole = depth_of(model)
    depth = recipe.layers or whole
    start_layers(recipe.start_layers, whole, depth)
    if recipe.layer_strategy is not None:
        # A teacher that is fine-tuned here has all layers of the model.
        given = isinstance(inputs.teacher, str)
        teacher = fetch_model(str(inputs.teacher)) if given else model
        layer_map(recipe.layer_strategy, depth_of(teacher), depth)
    return depth


def _run(
    recipe: Recipe, files: Files, folder: Path, own_code: str | None = None
) -> dict[str, object]:
    # Its name depends on all settings: a training with other settings must not resume it.
    key = training_key(recipe, files, own_code)
    checkpoint = folder.with_name(f"{folder.name}-{key}.checkpoint")
    predictions = folder.with_name("predictions") / folder.name
    training = TrainingRun(recipe, files, Outputs(checkpoint, folder, predictions))
    while not training.finished:
        epoch = len(training.reports) + 1
        with tqdm(desc=f"{recipe.method} epoch {epoch}/{recipe.epochs}", unit="step") as bar:
            report = training.run_epoch(partial(_advance, bar))
        say(report)
    checkpoint.unlink(missing_ok=True)
    best = max(training.reports, key=lambda report: report.score)
    if best.constant:
        say(_WARNING.format(recipe.method, best.epoch))
    found = {"best_epoch": best.epoch, "score": best.score, "metrics": best.metrics}
    return found | {"constant": best.constant}


def _teacher(teacher: str | Recipe, out: Path, prepared: Prepared, model: Path) -> Path:
    if isinstance(teacher, str):
        return adopt_teacher(fetch_model(teacher), prepared.task.labels, out / "teachers")
    files = Files(prepared.task, prepared.tokens, model)
    folder = out / f"{prepared.task.name}-teacher-{training_key(teacher, files)}"
    if not folder.exists():
        say("no --teacher given: fine-tuning one")
        unfinished = folder.with_name(folder.name + "-unfinished")
        _run(teacher, files, unfinished)
        unfinished.rename(folder)
    return folder


def training_key(recipe: Recipe, files: Files, own_code: str | None = None) -> str:
    """Returns a fingerprint of everything that decides the outcome of a training."""
    tokens = {split: path.name for split, path in files.tokens.items()}
    settings = recipe.model_dump(exclude={"start_layers"})
    parts: list[Any] = [settings, tokens, str(files.model), str(files.signals)]
    if recipe.start_layers != "first":
        parts.append(recipe.start_layers)
    if files.task.class_weights is not None:
        parts.append(files.task.class_weights)
    if own_code is not None:
        parts.append(own_code)
    return fingerprint(parts)


def _signals(
    recipe: Recipe,
    prepared: Prepared,
    teacher: Path,
    teacher_layers: int,
    depth: int,
    out: Path,
) -> Path:
    layers: tuple[int, ...] = ()
    if recipe.layer_strategy is not None:
        layers = layer_map(recipe.layer_strategy, teacher_layers, depth)
    with tqdm(desc="signals", unit="row") as bar:
        return ask_teacher(
            prepared, teacher, layers, out / "signals", recipe.precision, partial(_advance, bar)
        )


def _advance(bar: Any, done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)
