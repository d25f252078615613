"""Fine-tunes or distils one student and prints its scores, without a study.

    --task rte --data DIR --model DIR --method pkd-skip --layers 3 \\
        --temperature 10 --alpha 0.5 --beta 100
"""

import argparse
import json
import os
import sys
from pathlib import Path

from pkd.distillation.methods import METHODS, TEACHER
from pkd.distillation.own_methods import load_method, register_method, source_digest
from pkd.distillation.recipe import Recipe
from pkd.errors import InputError, did_you_mean, shown
from pkd.files.run_places import check_folder_place
from pkd.models.start_layers import STARTS
from pkd.runtime.command_line import make_parser, run_command

PROG = "python -m pkd.train"


def main(argv: list[str] | None = None, prog: str = PROG) -> int:
    """Runs the command; see `pkd.runtime.command_line.run_command`."""
    return run_command(parser(prog), _train, argv)


def _train(options: argparse.Namespace) -> int:
    from pkd.tasks.task_file import resolve_tasks

    own_code = _register_own_methods(options)
    if options.method not in METHODS:
        raise InputError(
            f"--method is {shown(options.method)}, but must be one of {', '.join(METHODS)}, or be "
            f"defined by --own-method{did_you_mean(options.method, METHODS)}"
        )
    recipe = _recipe(options, options.method, options.layers)
    tasks = resolve_tasks([options.task])
    if len(tasks) != 1:
        raise InputError(f"--task is {options.task!r}, but pkd.train trains one task")
    teacher = None
    if recipe.entry.needs_teacher:
        teacher = _teacher_recipe(options) if options.teacher is None else options.teacher

    check_folder_place(options.out)
    from pkd.training.single_student import Inputs, train_student

    inputs = Inputs(
        own_code=own_code.get(recipe.method),
        task=tasks[0],
        model=options.model,
        teacher=teacher,
        data=options.data,
        out=options.out,
        max_length=options.max_length,
        max_train_rows=options.max_train_rows,
    )
    print(json.dumps(train_student(recipe, inputs), indent=1))
    return 0


def _register_own_methods(options: argparse.Namespace) -> dict[str, str]:
    """Makes the user's methods known; returns a digest of the code of each."""
    given = [options.data, options.model, options.teacher, options.task]
    refused = [Path(path) for path in given if path is not None and os.path.isdir(path)]
    digests = {}
    for name, reference in options.own_method:
        method, file = load_method(reference, refused)
        register_method(name, method)
        digests[name] = source_digest(file)
    return digests


def _recipe(options: argparse.Namespace, method: str, layers: int | None) -> Recipe:
    given = {key: getattr(options, key) for key in Recipe.model_fields if hasattr(options, key)}
    values = {key: value for key, value in given.items() if value is not None}
    return Recipe.checked(**values | {"method": method, "layers": layers})


def _teacher_recipe(options: argparse.Namespace) -> Recipe:
    recipe = _recipe(options, TEACHER, None)
    changed = {"learning_rate": options.teacher_learning_rate, "start_layers": "first"}
    return Recipe.checked(**recipe.model_dump() | changed)


def _start_layers(text: str) -> str | tuple[int, ...]:
    if text in STARTS:
        return text
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{shown(text)} is neither of {', '.join(STARTS)} nor layers such as 1,4,6"
        ) from None


def _own_method(text: str) -> tuple[str, str]:
    name, equals, reference = text.partition("=")
    if not (name and equals and reference):
        raise argparse.ArgumentTypeError(f"{shown(text)} must have the form name=module:object")
    return name, reference


def parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Returns the parser of the command's options."""
    options = make_parser(prog, __doc__)
    options.add_argument(
        "--task", required=True, help="a GLUE task, a task file (*.yaml) or a folder"
    )
    options.add_argument(
        "--data", type=Path, help="folder with <task>/<split>.parquet; default: the hub"
    )
    options.add_argument("--model", default="bert-base-uncased", help="folder or hub id")
    options.add_argument("--method", default="pkd-skip", help=f"one of {', '.join(METHODS)}")
    options.add_argument(
        "--own-method",
        type=_own_method,
        action="append",
        default=[],
        metavar="NAME=MODULE:OBJECT",
        help="define a method of your own (a `pkd.Method`) for --method",
    )
    options.add_argument("--layers", type=int, help="depth of the student")
    options.add_argument(
        "--start-layers",
        type=_start_layers,
        metavar="first|spaced|1,4,6",
        help="the layers of --model that the student starts from",
    )
    options.add_argument(
        "--teacher", help="folder or hub id of a fine-tuned classifier; default: fine-tune --model"
    )
    options.add_argument("--teacher-learning-rate", type=float, default=5e-5)
    options.add_argument("--out", type=Path, default=Path("runs") / "single", help="results")
    options.add_argument("--max-length", type=int, default=128)
    options.add_argument("--max-train-rows", type=int)
    for key in ("learning_rate", "temperature", "alpha", "beta", "warmup", "weight_decay"):
        options.add_argument(f"--{key.replace('_', '-')}", type=float)
    for key in ("epochs", "batch_size", "seed"):
        options.add_argument(f"--{key.replace('_', '-')}", type=int)
    options.add_argument("--normalize", action=argparse.BooleanOptionalAction, default=None)
    options.add_argument("--scale", choices=("released", "paper"))
    options.add_argument("--precision", choices=("auto", "fp32", "bf16"))
    return options


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    sys.exit(main())
