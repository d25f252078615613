"""Batches that models predict when their speed is measured."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from pkd.data.batching import eval_batches
from pkd.data.tokens import TokenArrays
from pkd.evaluation.timing import MIN_REPEATS
from pkd.models.encoder import longest_input

LENGTH = 128  # tokens a row in the paper's Table 4
_MOST_BATCHES = 32  # of a task's dev batches, so many stand for all

Inputs = dict[str, Tensor]


@dataclass(frozen=True)
class Workload:
    """What a model predicts in one timed call.

    Attributes:
        task: whose dev rows; None for rows of one length.
        batch_size: rows at a time; a task's last batch may be smaller.
        batches: the inputs of a model, on the device.
        picked: the row numbers of each batch of dev rows.
    """

    task: str | None
    batch_size: int
    batches: list[Inputs]
    picked: tuple[np.ndarray, ...] = ()

    def read_by(self, tokens: TokenArrays | None) -> list[Inputs]:
        """The inputs of a model with a tokenizer of its own: the same rows in other tokens."""
        if tokens is None or not self.picked:
            return self.batches
        return [tokens.batch(rows) for rows in self.picked]

    @property
    def rows(self) -> int:
        """Rows of one call."""
        return sum(len(inputs["input_ids"]) for inputs in self.batches)

    @property
    def tokens(self) -> float:
        """Mean tokens a row, padding not counted."""
        return sum(int(inputs["attention_mask"].sum()) for inputs in self.batches) / self.rows

    def __str__(self) -> str:
        lengths = f"length {self.tokens:.0f}" if self.task is None else f"{self.task} dev rows"
        return f"{lengths}, batch {self.batch_size}"


def full_rows(models: Sequence[PreTrainedModel], batch_size: int) -> Workload:
    """One batch of rows of `LENGTH` tokens, or as many as all models take.

    The tokens are random ones that all models have: which they are changes no time.
    """
    length = min(LENGTH, *(longest_input(model.config) for model in models))
    vocabulary = min(model.config.vocab_size for model in models)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(vocabulary, (batch_size, length), generator=generator)
    ids = ids.to(models[0].device)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return Workload(None, batch_size, [inputs])


def dev_rows(
    run: Callable[[Sequence[Inputs]], object],
    task: str,
    tokens: TokenArrays,
    batch_size: int,
    seconds: float,
    theirs: TokenArrays | None = None,
) -> Workload:
    """Dev batches of similar lengths with their own padding, as in `pkd.evaluation.inference`.

    Args:
        run: predicts batches with the slowest of the models to be measured.
        task: the task's name.
        tokens: its dev rows, on the device of the model.
        batch_size: rows at a time.
        seconds: so many batches are taken that `MIN_REPEATS` passes of it fit, but one at
            least.
        theirs: the rows in the tokens of that slowest model, if it has its own.
    """
    batches = eval_batches(tokens.lengths, batch_size)
    sample = [(theirs or tokens).batch(rows) for rows in spread_out(batches, 1)]
    run(sample)  # the first call of a shape is slow
    started = time.perf_counter()
    run(sample)
    fitting = int(seconds / MIN_REPEATS / (time.perf_counter() - started))
    chosen = spread_out(batches, min(max(fitting, 1), _MOST_BATCHES))
    return Workload(task, batch_size, [tokens.batch(rows) for rows in chosen], tuple(chosen))


def spread_out(batches: Sequence[np.ndarray], count: int) -> list[np.ndarray]:
    """Picks ``count`` batches at equal distances: of sorted ones, short and long alike."""
    count = min(count, len(batches))
    return [batches[(2 * i + 1) * len(batches) // (2 * count)] for i in range(count)]


@torch.inference_mode()
def predict(model: PreTrainedModel, batches: Sequence[Inputs]) -> None:
    """Runs the model over the batches and returns when the device is done."""
    for inputs in batches:
        model(**inputs)
    if model.device.type == "cuda":
        torch.cuda.synchronize(model.device)
