"""The forms in which a model can be deployed, with their size, dev score and latency."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from pkd.data.batching import eval_batches
from pkd.data.tokens import TokenArrays
from pkd.deployment.onnx_model import OnnxClassifier
from pkd.errors import ExportError
from pkd.evaluation.metrics import score
from pkd.evaluation.timing import Limits, quartiles, time_interleaved
from pkd.evaluation.workloads import Inputs, dev_rows
from pkd.models.classifier import load_as_deployed
from pkd.runtime.devices import device_name, resolve_precision
from pkd.tasks.task import Metric

BATCH_SIZES = (1, 32)
TEACHER = "teacher"
ONNX_FILE, INT8_FILE = "onnx/model.onnx", "onnx/model_int8.onnx"
_FP32 = "PyTorch fp32"
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
    for form, file in (("ONNX", ONNX_FILE), ("ONNX int8", INT8_FILE)):
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
    split: str,
    metrics: Sequence[Metric],
    tokens: TokenArrays,
    limits: Limits,
) -> dict[str, Any]:
    """Scores and times the forms on the dev rows; progress goes to stderr.

    Args:
        variants: the forms; the slowest must come first.
        task: the task's name.
        split: its first dev split.
        metrics: the task's metrics.
        tokens: rows of the split in the student's tokens.
        limits: how much to time at each batch size.

    Returns:
        ``forms``: one row for each form, see `pkd.deployment.model_card.cost_table`;
        ``conditions``: how they were measured, in words; ``difference``: the largest difference
        of a logit between the ONNX file and PyTorch, None without an ONNX file.

    Raises:
        ExportError: if the ONNX file predicts another label than PyTorch for a row.
    """
    logits = {}
    for variant in variants:
        print(f"dev rows: {variant.model}, {variant.form}", file=sys.stderr, flush=True)
        logits[variant.model, variant.form] = dev_logits(variant)
    differences = [
        _check_same_labels(logits[model, _FP32], found, tokens)
        for (model, form), found in logits.items()
        if form == "ONNX"
    ]
    times, labels = latencies(variants, task, tokens, limits), tokens.all_labels()
    forms = [
        {
            **{"model": variant.model, "form": variant.form, "bytes": variant.bytes},
            "metrics": score(metrics, logits[variant.model, variant.form], labels),
            "changed": len(
                _changed(logits[variant.model, _FP32], logits[variant.model, variant.form])
            ),
            "ms": {str(size): value for size, value in ms.items()},
        }
        for variant, ms in times.items()
    ]
    threads = torch.get_num_threads()
    conditions = (
        f"Dev rows of `{split}` at their own lengths; median time of the forward pass on "
        f"{device_name(_CPU)}, {threads} thread{'s' if threads > 1 else ''}. MB: size of the "
        "weights in memory, or of the ONNX file. Labels changed: dev rows for which the form "
        "predicts another label than PyTorch fp32."
    )
    return {
        "forms": forms,
        "conditions": conditions,
        "difference": differences[0] if differences else None,
    }


def dev_logits(variant: Variant) -> np.ndarray:
    """Predicts a split in batches of the larger size of `BATCH_SIZES`.

    Returns:
        (rows, classes), in the order of the rows.
    """
    tokens = variant.tokens
    order = eval_batches(tokens.lengths, max(BATCH_SIZES))
    found = np.concatenate([variant.predict(**tokens.batch(rows)) for rows in order])
    logits = np.empty_like(found)
    logits[np.concatenate(order)] = found
    return logits


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


def _changed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns the rows for which two forms predict different labels."""
    return np.flatnonzero(one.argmax(axis=1) != other.argmax(axis=1))


def _check_same_labels(
    torch_logits: np.ndarray, onnx_logits: np.ndarray, tokens: TokenArrays
) -> float:
    """Returns the largest difference of a logit; raises ExportError if a label differs."""
    difference = float(np.abs(torch_logits - onnx_logits).max())
    rows = _changed(torch_logits, onnx_logits)
    if len(rows):
        raise ExportError(
            f"the ONNX file predicts another label than PyTorch for {len(rows)} of {len(tokens)} "
            f"dev rows, e.g. the row with idx {tokens.idx[rows[0]]} (the largest difference of a "
            f"logit is {difference:.2g}): nothing was exported. Leave --onnx and --int8 out"
        )
    return difference
