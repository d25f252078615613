"""Measures how fast a study's models predict, and writes it into the run.

    python -m pkd.benchmark RUN_DIR [--task T ...] [--threads N] [--precision auto|fp32|bf16|fp16]

The teacher and one student of every depth (time depends on the depth, not on the method) predict
the same batches in turn: rows of 128 tokens as in the paper's Table 4, and each task's dev rows
at their own lengths, 1 and 128 rows at a time. Only the forward pass is timed. The results are in
``RUN_DIR/benchmark.json``; ``python -m analysis.report RUN_DIR`` shows them.
"""

import argparse
import datetime
import importlib.metadata
import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from pkd.data.tokens import TokenArrays, open_tokens
from pkd.deployment.run_folder import chosen_tasks, dev_tokens, is_saved, read_study
from pkd.errors import CacheError, InputError
from pkd.evaluation.timing import MIN_REPEATS, Limits, quartiles, time_interleaved
from pkd.evaluation.workloads import Workload, dev_rows, full_rows, predict
from pkd.files.atomic import write_json
from pkd.models.classifier import DTYPES, load_as_deployed
from pkd.models.encoder import load_encoder_config, parameter_counts
from pkd.runtime.command_line import make_run_parser, run_command, say, use_threads
from pkd.runtime.devices import default_device, device_name, resolve_precision

FORMAT = 1
BATCH_SIZES = (1, 128)

Models = dict[int, PreTrainedModel]  # by depth, the teacher first


def main(argv: list[str] | None = None) -> int:
    """Runs the command line; see `pkd.runtime.command_line.run_command`."""
    return run_command(_parser(), _benchmark, argv)


def _benchmark(options: argparse.Namespace) -> int:
    device = _device(options.device)
    use_threads(options.threads)
    _at_least("--repeats", options.repeats, MIN_REPEATS)
    if not options.seconds > 0:
        raise InputError(f"--seconds is {options.seconds:g}, but must be > 0")
    limits = Limits(options.repeats, options.seconds)
    measured = benchmark(options.run_dir, options.task, device, options.precision, limits)
    path = options.run_dir / "benchmark.json"
    write_json(path, measured)
    print(f"{path}\n`python -m analysis.report {options.run_dir}` puts it into the report")
    return 0


def benchmark(
    run_dir: Path,
    tasks: Sequence[str] | None = None,
    device: torch.device | None = None,
    precision: str = "auto",
    limits: Limits | None = None,
) -> dict[str, Any]:
    """Measures a run's models; progress goes to stderr.

    Args:
        run_dir: what ``study/run.py`` wrote.
        tasks: whose models and dev rows; all of the study by default.
        device: where to run; the first GPU or the CPU by default.
        precision: of weights and activations, as one would deploy the models: ``fp32``,
            ``bf16``, ``fp16`` (GPU only), or ``auto``: bf16 where the hardware multiplies it
            natively, else fp16 on a GPU and fp32 on a CPU.
        limits: how much is measured for each model and kind of batch.

    Returns:
        What `benchmark.json` holds: ``format``, ``created``, ``device`` (``cpu`` or ``cuda``),
        ``device_name``, ``threads``, ``precision``, ``attention``, ``load_average`` (of the last
        minute, before measuring; None where unknown), ``versions``, ``models`` (``depth``,
        ``folder``, ``parameters``) and ``times``: for each kind of batch and depth ``task`` (None:
        rows of one length), ``batch_size``, ``tokens`` (mean a row), ``rows`` (of one call),
        ``depth``, ``seconds`` of each call (the n-th calls of all depths follow each other),
        and their ``q1``, ``median`` and ``q3``.

    Raises:
        InputError: for a folder that is no run, or one without models as yet.
    """
    device, limits = device or default_device(), limits or Limits()
    precision = _resolve(precision, device)
    study = read_study(run_dir)
    names = chosen_tasks(study, tasks)
    folders = find_models(run_dir, study, names)
    load = _load_average()
    if load is not None and load >= 1:
        say(f"the machine was busy in the last minute (load {load:.1f}): times will be too long")
    models = {
        depth: load_as_deployed(folder, precision, device) for depth, folder in folders.items()
    }
    teacher = next(iter(models.values()))
    say(f"{device_name(device)}, {torch.get_num_threads()} threads, {precision}")
    measured: list[dict[str, Any]] = []
    for workload, theirs in _workloads(run_dir, study, names, models, limits.seconds):
        calls = {depth: partial(predict, m, workload.batches) for depth, m in models.items()}
        calls[next(iter(models))] = partial(predict, teacher, workload.read_by(theirs))
        times = time_interleaved(calls, limits)
        say(_summary(workload, times))
        measured += [_record(workload, depth, seconds) for depth, seconds in times.items()]
    return {
        "format": FORMAT,
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "device": device.type,
        "device_name": device_name(device),
        "threads": torch.get_num_threads(),
        "precision": precision,
        "attention": getattr(teacher.config, "_attn_implementation", None),
        "load_average": load,
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "transformers")},
        "models": [
            {
                "depth": depth,
                "folder": folder.relative_to(run_dir).as_posix(),
                "parameters": parameter_counts(load_encoder_config(folder)),
            }
            for depth, folder in folders.items()
        ],
        "times": measured,
    }


def find_models(run_dir: Path, study: dict[str, Any], tasks: Sequence[str]) -> dict[int, Path]:
    """The saved teacher and a student of each depth that there is, by depth, the teacher first.

    Raises:
        InputError: if there is no teacher, or no student.
    """
    teacher = next(filter(is_saved, (run_dir / "teachers" / task for task in tasks)), None)
    if teacher is None:
        raise InputError(
            f"{run_dir} holds no teacher of {', '.join(tasks)} yet (teachers/<task>): run the "
            "study first"
        )
    found = {int(study["teacher"]["layers"]): teacher}
    for depth in study["depths"]:
        names = [f"{task}-{depth}-{method}" for task in tasks for method in study["methods"]]
        students = [run_dir / "models" / name for name in names]
        student = next(filter(is_saved, students), None)
        if student is not None:
            found[int(depth)] = student
        else:
            say(f"no student of {depth} layers yet: not measured")
    if len(found) == 1:
        raise InputError(
            f"{run_dir} holds no student of {', '.join(tasks)} yet (models/<task>-<depth>-"
            "<method>): they are kept when the study has confirmed its winners"
        )
    return found


def _workloads(
    run_dir: Path,
    study: dict[str, Any],
    tasks: Sequence[str],
    models: Models,
    seconds: float,
) -> Iterator[tuple[Workload, TokenArrays | None]]:
    """Each workload, and its rows as the teacher reads them, if in tokens of its own."""
    teacher = next(iter(models.values()))
    for size in BATCH_SIZES:
        yield full_rows(list(models.values()), size), None
    for task in tasks:
        try:
            tokens, theirs = (
                open_tokens(dev_tokens(run_dir, study, task, of_teacher), teacher.device)
                for of_teacher in (False, True)
            )
        except (CacheError, KeyError) as error:
            say(f"{task}: no tokens of its dev rows, so they are not measured ({error})")
            continue
        for size in BATCH_SIZES:
            slowest = partial(predict, teacher)
            yield dev_rows(slowest, task, tokens, size, seconds, theirs), theirs


def _device(name: str | None) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device is cuda, but torch finds no GPU here")
    return torch.device(name) if name else default_device()


def _resolve(precision: str, device: torch.device) -> str:
    if precision == "fp16" and device.type != "cuda":
        raise InputError("--precision is fp16, which needs a GPU; use bf16 or fp32")
    resolved = resolve_precision(precision, device)
    without_bf16 = precision == "auto" and resolved == "fp32"
    return "fp16" if without_bf16 and device.type == "cuda" else resolved


def _load_average() -> float | None:
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None  # Windows


def _record(workload: Workload, depth: int, seconds: list[float]) -> dict[str, Any]:
    q1, median, q3 = quartiles(seconds)
    return {
        "task": workload.task,
        "batch_size": workload.batch_size,
        "tokens": workload.tokens,
        "rows": workload.rows,
        "depth": depth,
        "q1": q1,
        "median": median,
        "q3": q3,
        "seconds": seconds,
    }


def _summary(workload: Workload, times: dict[int, list[float]]) -> str:
    parts = []
    for depth, seconds in times.items():
        q1, median, q3 = (1000 * value / workload.rows for value in quartiles(seconds))
        parts.append(f"{depth} layers {median:.3g} ms a row ({q1:.3g}–{q3:.3g})")
    return f"{workload}: {', '.join(parts)}; {len(seconds)} times"


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise InputError(f"{name} is {value}, but must be >= {least}")


def _parser() -> argparse.ArgumentParser:
    parser = make_run_parser("pkd.benchmark", __doc__)
    parser.add_argument("--task", action="append", help="a task of the study; all by default")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="a GPU if there is one")
    parser.add_argument("--precision", choices=("auto", *DTYPES), default="auto")
    parser.add_argument(
        "--repeats", type=int, default=Limits.repeats, help="timed calls of each model at most"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=Limits.seconds,
        help="time for the calls of the slowest model, per kind of batch (at least "
        f"{MIN_REPEATS} calls are made)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
