"""Fine-tunes or distils one student and prints its scores.

    python -m pkd.train --task rte --data DIR --model DIR --method pkd-skip --layers 3 \\
        --temperature 10 --alpha 0.5 --beta 100
"""

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pkd.data.preparation import Prepared, prepare_task, reading_of
from pkd.distillation.layer_map import layer_map
from pkd.distillation.methods import METHODS, TEACHER
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import ask_teacher
from pkd.errors import InputError, shown
from pkd.files.cache import fingerprint
from pkd.models.encoder import depth_of
from pkd.models.external_teacher import adopt_teacher
from pkd.models.hub import fetch_model
from pkd.models.start_layers import STARTS, start_layers
from pkd.runtime.command_line import make_parser, run_command
from pkd.tasks.task_file import resolve_tasks
from pkd.training.training_run import Files, Outputs, TrainingRun


def main(argv: list[str] | None = None) -> int:
    """Runs the command line; see `pkd.runtime.command_line.run_command`."""
    return run_command(_parser(), _train, argv)


def _train(options: argparse.Namespace) -> int:
    print(json.dumps(train(options), indent=1))
    return 0


def train(options: argparse.Namespace) -> dict[str, object]:
    """Trains what the options ask for; teacher and signals are made if they are needed."""
    recipe = _recipe(options, options.method, options.layers)
    tasks = resolve_tasks([options.task])
    if len(tasks) != 1:
        raise InputError(f"--task is {options.task!r}, but pkd.train trains one task")
    model = fetch_model(options.model)
    depth = _student_depth(options, recipe, model)
    prepare = partial(
        prepare_task,
        tasks[0],
        cache=options.out / "tokens",
        data_dir=options.data,
        max_length=options.max_length,
        max_train_rows=options.max_train_rows,
    )
    prepared = prepare(model)
    if prepared.task.own:
        print(reading_of(prepared), file=sys.stderr)
    signals, teacher_layers = None, None
    if recipe.entry.needs_teacher:
        teacher = _teacher(options, prepared, model)
        teacher_layers = depth_of(teacher)
        # Its tokens are its own: signals are kept for each row, not for each token.
        signals = _signals(options, prepare(teacher), recipe, teacher, teacher_layers, depth)
    folder = options.out / f"{prepared.task.name}-{options.layers or 'all'}-{recipe.method}"
    files = Files(prepared.task, prepared.tokens, model, signals, teacher_layers)
    report = _run(recipe, files, folder)
    return {"task": prepared.task.name, "model": str(folder), **recipe.model_dump(), **report}


def _student_depth(options: argparse.Namespace, recipe: Recipe, model: Path) -> int:
    """The student's depth, checked before a teacher is trained for nothing."""
    whole = depth_of(model)
    depth = recipe.layers or whole
    start_layers(recipe.start_layers, whole, depth)
    if recipe.layer_strategy is not None:
        # A teacher that is not given is made from the whole model.
        teacher = fetch_model(str(options.teacher)) if options.teacher is not None else model
        layer_map(recipe.layer_strategy, depth_of(teacher), depth)
    return depth


def _run(recipe: Recipe, files: Files, folder: Path) -> dict[str, object]:
    # Named by all that it depends on: other settings must not resume it.
    checkpoint = folder.with_name(f"{folder.name}-{_key(recipe, files)}.checkpoint")
    predictions = folder.with_name("predictions") / folder.name
    training = TrainingRun(recipe, files, Outputs(checkpoint, folder, predictions))
    while not training.finished:
        epoch = len(training.reports) + 1
        with tqdm(desc=f"{recipe.method} epoch {epoch}/{recipe.epochs}", unit="step") as bar:
            report = training.run_epoch(partial(_advance, bar))
        print(report, file=sys.stderr)
    checkpoint.unlink(missing_ok=True)
    best = max(training.reports, key=lambda report: report.score)
    return {"best_epoch": best.epoch, "score": best.score, "metrics": best.metrics}


def _teacher(options: argparse.Namespace, prepared: Prepared, model: Path) -> Path:
    if options.teacher is not None:
        teacher = fetch_model(str(options.teacher))
        return adopt_teacher(teacher, prepared.task.labels, options.out / "teachers")
    recipe = _recipe(options, TEACHER, None)
    own = {"learning_rate": options.teacher_learning_rate, "start_layers": "first"}
    recipe = Recipe.checked(**recipe.model_dump() | own)
    files = Files(prepared.task, prepared.tokens, model)
    folder: Path = options.out / f"{prepared.task.name}-teacher-{_key(recipe, files)}"
    if not folder.exists():
        print("no --teacher given: fine-tuning one", file=sys.stderr)
        unfinished = folder.with_name(folder.name + "-unfinished")
        _run(recipe, files, unfinished)
        unfinished.rename(folder)
    return folder


def _key(recipe: Recipe, files: Files) -> str:
    tokens = {split: path.name for split, path in files.tokens.items()}
    settings = recipe.model_dump(exclude={"start_layers"})
    parts: list[Any] = [settings, tokens, str(files.model), str(files.signals)]
    if recipe.start_layers != "first":
        parts.append(recipe.start_layers)
    if files.task.class_weights is not None:
        parts.append(files.task.class_weights)
    return fingerprint(parts)


def _signals(
    options: argparse.Namespace,
    prepared: Prepared,
    recipe: Recipe,
    teacher: Path,
    teacher_layers: int,
    depth: int,
) -> Path:
    layers: tuple[int, ...] = ()
    if recipe.layer_strategy is not None:
        layers = layer_map(recipe.layer_strategy, teacher_layers, depth)
    with tqdm(desc="signals", unit="row") as bar:
        return ask_teacher(
            prepared,
            teacher,
            layers,
            options.out / "signals",
            recipe.precision,
            partial(_advance, bar),
        )


def _start_layers(text: str) -> str | tuple[int, ...]:
    if text in STARTS:
        return text
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{shown(text)} is neither of {', '.join(STARTS)} nor layers such as 1,4,6"
        ) from None


def _advance(bar: Any, done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)


def _recipe(options: argparse.Namespace, method: str, layers: int | None) -> Recipe:
    given = {key: getattr(options, key) for key in Recipe.model_fields if hasattr(options, key)}
    values = {key: value for key, value in given.items() if value is not None}
    return Recipe.checked(**values | {"method": method, "layers": layers})


def _parser() -> argparse.ArgumentParser:
    parser = make_parser("pkd.train", __doc__)
    parser.add_argument(
        "--task", required=True, help="a GLUE task, a task file (*.yaml) or a folder"
    )
    parser.add_argument("--data", type=Path, help="folder with <task>/<split>.parquet; else hub")
    parser.add_argument("--model", default="bert-base-uncased", help="folder or hub id")
    parser.add_argument("--method", default="pkd-skip", choices=tuple(METHODS))
    parser.add_argument("--layers", type=int, help="depth of the student")
    parser.add_argument(
        "--start-layers",
        type=_start_layers,
        metavar="first|spaced|1,4,6",
        help="the layers of --model that the student starts from",
    )
    parser.add_argument(
        "--teacher", type=Path, help="any fine-tuned classifier; made if not given"
    )
    parser.add_argument("--teacher-learning-rate", type=float, default=5e-5)
    parser.add_argument("--out", type=Path, default=Path("runs") / "single", help="results")
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--max-train-rows", type=int)
    for key in ("learning_rate", "temperature", "alpha", "beta", "warmup", "weight_decay"):
        parser.add_argument(f"--{key.replace('_', '-')}", type=float)
    for key in ("epochs", "batch_size", "seed"):
        parser.add_argument(f"--{key.replace('_', '-')}", type=int)
    parser.add_argument("--normalize", action=argparse.BooleanOptionalAction, default=None)
    parser.add_argument("--scale", choices=("released", "paper"))
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"))
    return parser


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    sys.exit(main())
