"""Inference times of a study's teacher and students, measured side by side."""

import datetime
import importlib.metadata
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from pkd.data.tokens import TokenArrays, open_tokens
from pkd.deployment.run_folder import (
    check_saved,
    chosen_tasks,
    dev_tokens,
    is_saved,
    read_study,
    student_folder,
    teacher_folder,
)
from pkd.errors import CacheError, InputError
from pkd.evaluation.timing import Limits, quartiles, time_interleaved
from pkd.evaluation.workloads import Workload, dev_rows, full_rows, predict
from pkd.files.run_format import BENCHMARK_FORMAT
from pkd.models.classifier import load_as_deployed
from pkd.models.encoder import load_encoder_config, parameter_counts
from pkd.runtime.command_line import say
from pkd.runtime.devices import default_device, device_name, resolve_precision

BATCH_SIZES = (1, 128)

Models = dict[int, PreTrainedModel]  # by depth, the teacher first


def benchmark(
    run_dir: Path,
    tasks: Sequence[str] | None = None,
    device: torch.device | None = None,
    precision: str = "auto",
    limits: Limits | None = None,
) -> dict[str, Any]:
    """Times the models of a study; progress goes to stderr.

    Args:
        run_dir: the run folder of a study.
        tasks: whose models and dev rows to use; all of the study by default.
        device: where to run; the first GPU or the CPU by default.
        precision: of weights and activations, as in deployment: ``fp32``, ``bf16``, ``fp16``
            (GPU only), or ``auto``: bf16 where the hardware multiplies it natively, else fp16 on
            a GPU and fp32 on a CPU.
        limits: how much to measure for each model and kind of batch.

    Returns:
        The content of ``benchmark.json``: ``format``, ``created``, ``device`` (``cpu`` or
        ``cuda``), ``device_name``, ``threads``, ``precision``, ``attention``, ``load_average``
        (of the last minute, before measuring; None where unknown), ``versions``, ``models``
        (``depth``, ``folder``, ``parameters``) and ``times``: for each kind of batch and depth
        ``task`` (None for rows of one length), ``batch_size``, ``tokens`` (mean of a row),
        ``rows`` (of one call), ``depth``, ``seconds`` of each call (the n-th calls of all depths
        follow each other), and their ``q1``, ``median`` and ``q3``.

    Raises:
        InputError: if the folder is not a run folder, or has no models yet.
        CacheError: if a model is damaged.
    """
    device, limits = device or default_device(), limits or Limits()
    precision = _resolve(precision, device)
    study = read_study(run_dir)
    names = chosen_tasks(study, tasks)
    folders = find_models(run_dir, study, names)
    for folder in folders.values():
        check_saved(folder)
    load = load_average()
    if load is not None and load >= 1:
        say(f"the machine was busy in the last minute (load {load:.1f}): times will be too long")
    models = {
        depth: load_as_deployed(folder, precision, device) for depth, folder in folders.items()
    }
    teacher_depth, teacher = next(iter(models.items()))
    say(f"{device_name(device)}, {torch.get_num_threads()} threads, {precision}")
    measured: list[dict[str, Any]] = []
    for workload, teacher_tokens in _workloads(run_dir, study, names, models, limits.seconds):
        calls = {depth: partial(predict, m, workload.batches) for depth, m in models.items()}
        calls[teacher_depth] = partial(predict, teacher, workload.read_by(teacher_tokens))
        times = time_interleaved(calls, limits)
        say(_summary(workload, times))
        measured += [_record(workload, depth, seconds) for depth, seconds in times.items()]
    return {
        "format": BENCHMARK_FORMAT,
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
    """Returns a saved teacher and a saved student of each depth, by depth, the teacher first.

    Raises:
        InputError: if there is no teacher, or no student.
    """
    teacher = next(filter(is_saved, (teacher_folder(run_dir, task) for task in tasks)), None)
    if teacher is None:
        raise InputError(
            f"{run_dir} holds no teacher of {', '.join(tasks)} yet (teachers/<task>): run the "
            "study first"
        )
    found = {int(study["teacher"]["layers"]): teacher}
    for depth in study["depths"]:
        folders = [
            student_folder(run_dir, task, depth, method)
            for task in tasks
            for method in study["methods"]
        ]
        student = next(filter(is_saved, folders), None)
        if student is not None:
            found[int(depth)] = student
        else:
            say(f"no student of {depth} layers yet: not measured")
    if len(found) == 1:
        raise InputError(
            f"{run_dir} holds no student of {', '.join(tasks)} yet (models/<task>-<depth>-"
            "<method>): a study saves its students in the confirm stage"
        )
    return found


def choose_device(name: str | None) -> torch.device:
    """Returns the device of a ``--device`` option; the first GPU or the CPU by default.

    Raises:
        InputError: for ``cuda`` if torch finds no GPU.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device is cuda, but torch finds no GPU here")
    return torch.device(name) if name else default_device()


def load_average() -> float | None:
    """Returns the machine's load in the last minute; None where the system does not count it."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None  # Windows


def _workloads(
    run_dir: Path,
    study: dict[str, Any],
    tasks: Sequence[str],
    models: Models,
    seconds: float,
) -> Iterator[tuple[Workload, TokenArrays | None]]:
    """Yields each workload, and its dev rows (if it has any) in the teacher's tokens."""
    teacher = next(iter(models.values()))
    for size in BATCH_SIZES:
        yield full_rows(list(models.values()), size), None
    for task in tasks:
        try:
            tokens, teacher_tokens = (
                open_tokens(dev_tokens(run_dir, study, task, of_teacher), teacher.device)
                for of_teacher in (False, True)
            )
        except (CacheError, KeyError) as error:
            say(f"{task}: no tokens of its dev rows, so they are not measured ({error})")
            continue
        for size in BATCH_SIZES:
            slowest = partial(predict, teacher)
            workload = dev_rows(slowest, task, tokens, size, seconds, teacher_tokens)
            yield workload, teacher_tokens


def _resolve(precision: str, device: torch.device) -> str:
    if precision == "fp16" and device.type != "cuda":
        raise InputError("--precision is fp16, which needs a GPU; use bf16 or fp32")
    resolved = resolve_precision(precision, device)
    without_bf16 = precision == "auto" and resolved == "fp32"
    return "fp16" if without_bf16 and device.type == "cuda" else resolved


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
