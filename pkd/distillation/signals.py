"""A teacher's logits and [CLS] states for each training row, cached on disk.

Students never run their teacher: a batch costs one gather from memory-mapped arrays.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from pkd.acceleration.last_layer import read_summary_token_only
from pkd.data.preparation import Prepared
from pkd.data.tokens import TokenArrays, open_tokens
from pkd.errors import InputError, TrainingError
from pkd.files.atomic import map_array, reserve
from pkd.files.cache import build_once, verify
from pkd.models.classifier import load_classifier, move
from pkd.models.encoder import weights_digest
from pkd.models.families import summary_of, summary_states
from pkd.runtime.devices import autocast, default_device, resolve_precision

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Signals:
    """The signals of a teacher, or of several, for the rows of one split, on one device.

    Attributes:
        logits: (rows, classes) fp32.
        states: for each cached layer (1-based), (rows, hidden) fp16.
        further: ``logits`` of the other teachers of an ensemble. They are kept apart because the
            loss averages softened predictions, and each trial has its own temperature.
    """

    logits: Tensor
    states: dict[int, Tensor]
    further: tuple[Tensor, ...] = ()

    @property
    def width(self) -> int:
        """Width of the teacher's states."""
        return next(iter(self.states.values())).shape[1]

    def logits_of(self, index: Tensor) -> Tensor:
        """Returns logits, (batch, classes) fp32, or (teachers, batch, classes) of an ensemble.

        Args:
            index: (batch,) row numbers, on the device of the signals.
        """
        if not self.further:
            return self.logits[index]
        return torch.stack([logits[index] for logits in (self.logits, *self.further)])

    def states_of(self, index: Tensor, layers: Sequence[int]) -> Tensor:
        """Returns states, (batch, len(layers), hidden) fp32, in the order of ``layers``."""
        return torch.stack([self.states[layer][index] for layer in layers], dim=1).float()


def build_signals(
    teacher: PreTrainedModel,
    teacher_digest: str,
    tokens: TokenArrays,
    layers: Sequence[int],
    root: Path,
    device: torch.device,
    precision: str,
    batch_size: int | None = None,
    progress: Progress = lambda done, total: None,
) -> Path:
    """Runs the teacher once over a split, dropout off, and returns the folder of its signals.

    Args:
        teacher: the fine-tuned classifier.
        teacher_digest: identifies its weights, see `pkd.models.encoder.weights_digest`.
        tokens: the rows, on ``device``.
        layers: 1-based layers whose [CLS] state is kept.
        root: folder of all signal folders.
        device: where to run.
        precision: ``fp32`` or ``bf16``.
        batch_size: rows a forward pass; see `pkd.data.tokens.TokenArrays.batches`.
        progress: called with (rows done, rows) after each batch.

    Raises:
        TrainingError: if a logit or a state is not a finite number.
    """
    key = {
        "kind": "signals-1",
        "teacher": teacher_digest,
        "tokens": tokens.digest,
        "layers": sorted(layers),
        "states": "float16",
        "precision": precision,
    }

    def write(folder: Path) -> None:
        _fill(folder, teacher, tokens, sorted(layers), device, precision, batch_size, progress)

    return build_once(root, key, write)


def open_signals(
    folder: Path,
    layers: Sequence[int] = (),
    device: torch.device | str = "cpu",
    further: Sequence[Path] = (),
) -> Signals:
    """Opens a signal folder: memory-mapped on the CPU, copied to a GPU.

    Args:
        folder: from `build_signals`.
        layers: the layers that are needed; only these are opened.
        device: where the tensors go.
        further: the signal folders of the other teachers of an ensemble.

    Raises:
        CacheError: if a file is missing or damaged.
        InputError: if a layer is not cached, or if the teachers of an ensemble labelled other
            rows or classes.
    """
    verify(folder)
    states = {}
    for layer in layers:
        path = _layer_file(folder, layer)
        if not path.exists():
            raise InputError(
                f"{folder} holds no states of teacher layer {layer}: build the signals with this "
                "layer"
            )
        states[layer] = torch.from_numpy(map_array(path)).to(device)
    logits = _logits(folder, device)
    others = tuple(_logits(verify(other), device) for other in further)
    for other, found in zip(further, others, strict=True):
        if found.shape != logits.shape:
            raise InputError(
                f"{other} holds logits of {tuple(found.shape)} rows and classes, {folder} of "
                f"{tuple(logits.shape)}: all teachers of an ensemble must label the same rows"
            )
    return Signals(logits, states, others)


def _logits(folder: Path, device: torch.device | str) -> Tensor:
    return torch.from_numpy(map_array(folder / "logits.npy")).to(device)


def _layer_file(folder: Path, layer: int) -> Path:
    return folder / f"layer-{layer:02d}.npy"


@torch.inference_mode()
def _fill(
    folder: Path,
    teacher: PreTrainedModel,
    tokens: TokenArrays,
    layers: Sequence[int],
    device: torch.device,
    precision: str,
    batch_size: int | None,
    progress: Progress,
) -> None:
    move(teacher, device).eval()
    rows, hidden = len(tokens), teacher.config.hidden_size
    summary = summary_of(teacher.config)

    def new(path: Path, dtype: type, width: int) -> np.memmap:
        array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=(rows, width))
        reserve(path, path.stat().st_size)
        return array

    logits = new(folder / "logits.npy", np.float32, int(teacher.config.num_labels or 0))
    states = {layer: new(_layer_file(folder, layer), np.float16, hidden) for layer in layers}
    done = 0
    for batch in tokens.batches(batch_size):
        with autocast(precision, device):
            inputs = tokens.batch(batch)
            output = teacher(**inputs, output_hidden_states=bool(layers))
        logits[batch] = output.logits.float().cpu().numpy()
        if layers:
            mask = inputs["attention_mask"]
            cls = summary_states(summary, output.hidden_states, layers, mask).half().cpu().numpy()
            for position, layer in enumerate(layers):
                states[layer][batch] = cls[:, position]
            if not np.isfinite(cls).all():
                raise TrainingError(
                    "a hidden state of the teacher is not finite in fp16 (it diverged, or its "
                    "states exceed 65504)"
                )
        done += len(batch)
        progress(done, rows)
    if not np.isfinite(logits).all():
        raise TrainingError("the teacher's logits are not finite: its fine-tuning diverged")
    for array in (logits, *states.values()):
        array.flush()


def ask_teacher(
    prepared: Prepared,
    teacher: Path,
    layers: Iterable[int],
    root: Path,
    precision: str = "auto",
    progress: Progress = lambda done, total: None,
) -> Path:
    """Runs a fine-tuned teacher over the training rows, unless its signals are cached.

    Args:
        prepared: the task, in the teacher's tokens.
        teacher: folder of the fine-tuned classifier, its classes in the order of the task's
            labels.
        layers: 1-based layers whose [CLS] states the students need; none for vanilla KD.
        root: folder of all signal folders.
        precision: ``auto``, ``fp32`` or ``bf16``.
        progress: called with (rows done, rows).

    Returns:
        The signal folder.
    """
    device = default_device()
    return build_signals(
        read_summary_token_only(load_classifier(teacher, prepared.task.labels, fine_tuned=True)),
        weights_digest(teacher),
        open_tokens(prepared.distilled, device),
        sorted(set(layers)),
        root,
        device,
        resolve_precision(precision, device),
        progress=progress,
    )
