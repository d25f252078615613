"""Batches on which the speed of models is measured."""

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
_MOST_BATCHES = 32  # the largest number of a task's dev batches in one call

Inputs = dict[str, Tensor]


@dataclass(frozen=True)
class Workload:
    """The batches that a model predicts in one timed call.

    Attributes:
        task: the task of the dev rows; None for rows of one length.
        batch_size: rows in a batch; a task's last batch may be smaller.
        batches: the inputs of the model, on the device.
        picked: the row numbers of each batch of dev rows; empty for rows of one length.
    """

    task: str | None
    batch_size: int
    batches: list[Inputs]
    picked: tuple[np.ndarray, ...] = ()

    def read_by(self, tokens: TokenArrays | None) -> list[Inputs]:
        """Returns the inputs for a model with another tokenizer: the same rows in its tokens."""
        if tokens is None or not self.picked:
            return self.batches
        return [tokens.batch(rows) for rows in self.picked]

    @property
    def rows(self) -> int:
        """Rows of one call."""
        return sum(len(inputs["input_ids"]) for inputs in self.batches)

    @property
    def tokens(self) -> float:
        """Mean number of tokens in a row, without padding."""
        return sum(int(inputs["attention_mask"].sum()) for inputs in self.batches) / self.rows

    def __str__(self) -> str:
        lengths = f"length {self.tokens:.0f}" if self.task is None else f"{self.task} dev rows"
        return f"{lengths}, batch {self.batch_size}"


def full_rows(models: Sequence[PreTrainedModel], batch_size: int) -> Workload:
    """Returns one batch of rows of `LENGTH` tokens, or of the longest input of all models.

    The tokens are random; which tokens they are does not influence the time.
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
    slowest_tokens: TokenArrays | None = None,
) -> Workload:
    """Returns dev batches of rows of similar lengths, as in `pkd.evaluation.inference`.

    Args:
        run: predicts batches with the slowest model to measure.
        task: the task's name.
        tokens: its dev rows, on the model's device.
        batch_size: rows in a batch.
        seconds: time limit; as many batches are taken as `MIN_REPEATS` passes of the slowest
            model can predict in it, but at least one.
        slowest_tokens: the rows in the tokens of the slowest model, if its tokenizer differs.
    """
    batches = eval_batches(tokens.lengths, batch_size)
    sample = [(slowest_tokens or tokens).batch(rows) for rows in spread_out(batches, 1)]
    run(sample)  # the first call of a shape is slow
    started = time.perf_counter()
    run(sample)
    fitting = int(seconds / MIN_REPEATS / (time.perf_counter() - started))
    chosen = spread_out(batches, min(max(fitting, 1), _MOST_BATCHES))
    return Workload(task, batch_size, [tokens.batch(rows) for rows in chosen], tuple(chosen))


def spread_out(batches: Sequence[np.ndarray], count: int) -> list[np.ndarray]:
    """Picks ``count`` batches at equal distances, so that short and long ones are included."""
    count = min(count, len(batches))
    return [batches[(2 * i + 1) * len(batches) // (2 * count)] for i in range(count)]


@torch.inference_mode()
def predict(model: PreTrainedModel, batches: Sequence[Inputs]) -> None:
    """Predicts the batches and returns when the device has finished."""
    for inputs in batches:
        model(**inputs)
    if model.device.type == "cuda":
        torch.cuda.synchronize(model.device)
