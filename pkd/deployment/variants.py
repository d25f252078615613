"""The forms in which a model can be deployed, with their size, agreement and latency."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from pkd.data.tokens import TokenArrays
from pkd.deployment.agreement import (
    FP32,
    INT8,
    ONNX,
    Judged,
    Tolerance,
    changed_rows,
    disagreement,
    judge,
    largest_difference,
)
from pkd.deployment.onnx_model import INT8_FILE, ONNX_FILE, OnnxClassifier, in_batches
from pkd.errors import ExportError
from pkd.evaluation.timing import Limits, quartiles, time_interleaved
from pkd.evaluation.workloads import Inputs, dev_rows
from pkd.models.classifier import load_as_deployed
from pkd.runtime.command_line import say
from pkd.runtime.devices import resolve_precision
from pkd.tasks.task import Metric

BATCH_SIZES = (1, 32)
TEACHER = "teacher"
_CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class Variant:
    """One form of a model on the CPU.

    Attributes:
        model: the model's name, for example ``teacher``.
        form: for example ``PyTorch bf16``.
        bytes: size of the weights in memory, or of the ONNX file.
        tokens: the dev rows in the model's tokens, on the CPU.
        predict: takes the inputs of a batch by name and returns its logits, (batch, classes) fp32.
    """

    model: str
    form: str
    bytes: int
    tokens: TokenArrays
    predict: Callable[..., np.ndarray]


def load_variants(
    teacher: tuple[Path, TokenArrays] | None,
    student: Path,
    name: str,
    fp32: PreTrainedModel,
    tokens: TokenArrays,
) -> Iterator[Variant]:
    """Loads the teacher's forms, then the student's; bf16 where the CPU multiplies it natively.

    Args:
        teacher: its folder and the dev rows in its tokens; None without a teacher.
        student: folder of the exported student and of its ONNX files, if there are any.
        name: the student's name.
        fp32: the student, already loaded from this folder.
        tokens: the dev rows in the student's tokens.
    """
    native = resolve_precision("auto", _CPU)
    forms = ["fp32"] if native == "fp32" else ["fp32", native]
    if teacher is not None:
        for form in forms:
            yield _torch_variant(load_as_deployed(teacher[0], form), TEACHER, form, teacher[1])
    for form in forms:
        model = fp32 if form == "fp32" else load_as_deployed(student, form)
        yield _torch_variant(model, name, form, tokens)
    for form, file in ((ONNX, ONNX_FILE), (INT8, INT8_FILE)):
        if (student / file).exists():
            predict = OnnxClassifier(student / file, torch.get_num_threads())
            yield Variant(name, form, (student / file).stat().st_size, tokens, predict)


def _torch_variant(
    model: PreTrainedModel, name: str, precision: str, tokens: TokenArrays
) -> Variant:
    size = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    return Variant(name, f"PyTorch {precision}", size, tokens, partial(_torch_logits, model))


@torch.inference_mode()
def _torch_logits(model: PreTrainedModel, **inputs: Tensor) -> np.ndarray:
    logits: np.ndarray = model(**inputs).logits.float().numpy()
    return logits


def measure(
    variants: Sequence[Variant],
    task: str,
    names: Sequence[str],
    metrics: Sequence[Metric],
    tolerances: Mapping[str, Tolerance],
    limits: Limits,
) -> dict[str, Any]:
    """Compares the forms on the dev rows, then times them; progress goes to stderr.

    Args:
        variants: the forms; the slowest must come first.
        task: the task's name.
        names: its labels, in the order of their codes.
        metrics: its metrics.
        tolerances: how far a form may differ from PyTorch fp32, by form.
        limits: how much to time at each batch size.

    Returns:
        ``forms``: one row for each form, see `pkd.deployment.cost_tables`; ``difference``: the
        largest difference of a logit between the ONNX file and PyTorch, None without an ONNX file.

    Raises:
        ExportError: if a form differs by more than its tolerance.
    """
    judged = {}
    for variant in variants:
        say(f"dev rows: {variant.model}, {variant.form}")
        logits, labels = in_batches(variant.predict, variant.tokens), variant.tokens.all_labels()
        judged[variant.model, variant.form] = judge(logits, labels, metrics, names)
    _check_agreement(variants, judged, tolerances)
    times = latencies(variants, task, variants[-1].tokens, limits)
    forms = []
    for variant, ms in times.items():
        torch_fp32, form = (judged[variant.model, each] for each in (FP32, variant.form))
        changed = changed_rows(torch_fp32.logits, form.logits)
        forms.append(
            {
                **{"model": variant.model, "form": variant.form, "bytes": variant.bytes},
                **{"metrics": form.metrics, "classes": form.classes},
                **{"changed": len(changed), "ms": {str(size): ms[size] for size in BATCH_SIZES}},
            }
        )
    differences = [
        largest_difference(judged[model, FP32].logits, found.logits)
        for (model, form), found in judged.items()
        if form == ONNX
    ]
    return {"forms": forms, "difference": differences[0] if differences else None}


def _check_agreement(
    variants: Sequence[Variant],
    judged: Mapping[tuple[str, str], Judged],
    tolerances: Mapping[str, Tolerance],
) -> None:
    problems = []
    for each in variants:
        if each.form in tolerances:
            torch_fp32, form = judged[each.model, FP32], judged[each.model, each.form]
            tolerance, file = tolerances[each.form], f"the {each.form} file"
            problems.append(disagreement(file, torch_fp32, form, tolerance, each.tokens))
    if found := [problem for problem in problems if problem is not None]:
        raise ExportError(
            f"{'; '.join(found)}. Nothing was exported; leave --onnx and --int8 out to export the "
            "PyTorch form alone"
        )


def latencies(
    variants: Sequence[Variant], task: str, tokens: TokenArrays, limits: Limits
) -> dict[Variant, dict[int, float]]:
    """Times all forms on the same dev rows, in turn.

    Args:
        variants: the forms; the first decides how many rows fit the limits.
        task: the task's name.
        tokens: rows of its first dev split in the student's tokens.
        limits: how much to time at each batch size.

    Returns:
        For each form the median time per row in milliseconds, by batch size.
    """
    found: dict[Variant, dict[int, float]] = {variant: {} for variant in variants}
    for size in BATCH_SIZES:
        run = partial(_run, variants[0])
        workload = dev_rows(run, task, tokens, size, limits.seconds, variants[0].tokens)
        calls = {each: partial(_run, each, workload.read_by(each.tokens)) for each in variants}
        for variant, seconds in time_interleaved(calls, limits).items():
            found[variant][size] = 1000 * quartiles(seconds)[1] / workload.rows
    return found


def _run(variant: Variant, batches: Sequence[Inputs]) -> None:
    for inputs in batches:
        variant.predict(**inputs)
