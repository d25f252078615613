"""One training run as a resumable object: fine-tuning, vanilla KD and patient KD alike."""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pkd.acceleration.cuda_graphs import StepGraphs
from pkd.data.batching import epoch_batches
from pkd.errors import TrainingError
from pkd.runtime.memory import is_out_of_memory, release_memory
from pkd.training.epoch_report import CurvePoint, EpochCurve
from pkd.training.objective import Objective
from pkd.training.optimizer import load_moments, make_optimizer, moments, set_learning_rate

# Looking at the loss makes a GPU wait for it; a diverged run is noticed soon enough.
_CHECK_EVERY = 50


@dataclass
class Position:
    """Where a training stands: ``epoch`` whole epochs and ``step`` batches of the next."""

    epoch: int = 0
    step: int = 0


class TrainingLoop:
    """Trains one model by a recipe, and can stop and go on at any step, bit for bit.

    Args:
        objective: the loss that is minimised, and over what; its recipe says how.
        steps: steps of an epoch; those of one pass over the rows by default.

    Attributes:
        micro_batches: parts that a batch is computed in, one after the other, with the gradient
            of the whole. Doubled when memory runs out; 1 where it never did.
    """

    def __init__(self, objective: Objective, steps: int | None = None) -> None:
        self.objective, self.recipe = objective, objective.recipe
        self.model, self.tokens, self.device = objective.model, objective.tokens, objective.device
        self.position = Position()
        self.micro_batches = 1
        self.epoch_loss = self.epoch_accuracy = float("nan")
        self.epoch_curve: list[CurvePoint] = []
        self.steps_per_epoch = steps or -(-len(self.tokens) // self.recipe.batch_size)
        self.curve = EpochCurve(self.steps_per_epoch, self.device)
        self.optimizer = make_optimizer(
            objective.pieces,
            self.recipe.learning_rate,
            self.recipe.weight_decay,
            self.device,
        )
        self._graphs = self._new_graphs()
        torch.manual_seed(self.recipe.seed)
        self.model.train()

    def _new_graphs(self) -> StepGraphs | None:
        return StepGraphs(self.device) if self.device.type == "cuda" else None

    @property
    def samples_per_epoch(self) -> int:
        """Rows of an epoch; if it is no single pass over all rows, but for a smaller batch."""
        rows, size = len(self.tokens), self.recipe.batch_size
        return rows if self.steps_per_epoch == -(-rows // size) else self.steps_per_epoch * size

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return self.position.epoch >= self.recipe.epochs

    def run_epoch(self) -> Iterator[Position]:
        """Trains to the end of the running epoch, yielding after each step.

        Afterwards `epoch_loss` is the mean loss of the epoch's steps, `epoch_accuracy` that of the
        model while it trained, and `epoch_curve` how both went.

        Raises:
            TrainingError: if the loss is not a finite number.
        """
        epoch = self.position.epoch
        batches = epoch_batches(
            self.tokens.lengths,
            self.recipe.batch_size,
            self.recipe.seed,
            epoch,
            self.steps_per_epoch,
        )
        for rows in batches[self.position.step :]:
            self._step(rows)
            self.position.step += 1
            if self.position.step % _CHECK_EVERY == 0:
                self._check()
            if self.position.step < len(batches):
                yield self.position
        self._check()
        self.epoch_loss, self.epoch_accuracy = self.curve.totals()
        self.epoch_curve = self.curve.points(epoch)
        self.curve.sums.zero_()
        self.position = Position(epoch + 1, 0)
        yield self.position

    def learning_rate_at(self, step: int) -> float:
        """Linear warm-up, then linear decay to 0 (the released code's schedule)."""
        total = self.steps_per_epoch * self.recipe.epochs
        warmup = round(self.recipe.warmup * total)
        if step < warmup:
            return self.recipe.learning_rate * (step + 1) / warmup
        return self.recipe.learning_rate * (total - step) / max(1, total - warmup)

    @property
    def decay_so_far(self) -> float:
        """What weight decay alone has left of a weight that never got a gradient."""
        steps = self.position.epoch * self.steps_per_epoch + self.position.step
        decay = self.recipe.weight_decay
        return math.prod(1 - self.learning_rate_at(step) * decay for step in range(steps))

    def _step(self, rows: np.ndarray) -> None:
        step = self.position.epoch * self.steps_per_epoch + self.position.step
        set_learning_rate(self.optimizer, self.learning_rate_at(step))
        index, width = self._on_device(rows)
        loss, logits = self._replay(index, width) or self._within_memory(rows)
        self.curve.add(self.position.step, loss, logits, self.tokens.labels_of(index))

    def _replay(self, index: Tensor, width: int) -> tuple[Tensor, Tensor] | None:
        """The step as a CUDA graph, if there can be one."""
        if self._graphs is None or self.micro_batches > 1:
            return None
        if not self._graphs.meet(len(index), width):
            return None
        try:
            return self._graphs(self._whole_step, index, width)
        except RuntimeError as error:
            # Recording wants memory of its own, and a model without waits; nothing was done yet.
            warnings.warn(
                f"steps are launched kernel by kernel from now on: {error}", stacklevel=2
            )
        self._graphs = None
        self.optimizer.zero_grad(set_to_none=True)
        release_memory()
        return None

    def _whole_step(self, index: Tensor, width: int) -> tuple[Tensor, Tensor]:
        terms, logits = self.objective(index, width)
        terms.total.backward()
        self._apply_gradients()
        return terms.total.detach(), logits.detach()

    def _on_device(self, rows: np.ndarray) -> tuple[Tensor, int]:
        index = torch.from_numpy(rows).to(self.device, non_blocking=True)
        return index, self.tokens.width(rows)

    def _apply_gradients(self) -> None:
        self._clip_gradients()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def _within_memory(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """The step in as many parts as the memory asks for."""
        random_state = self._random_state()
        while True:
            try:
                loss, logits = self._backward(rows)
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if self.micro_batches >= len(rows):
                    raise TrainingError(
                        "memory runs out even for a single row: give a trial a larger share of "
                        "the device (resources.gpus_per_trial, resources.max_concurrent) or lower "
                        f"train.max_length ({error})"
                    ) from error
            # Outside of the handler, whose traceback keeps the tensors of the attempt alive.
            self.optimizer.zero_grad(set_to_none=True)
            release_memory()
            self.micro_batches *= 2
            # What the failed attempt drew must not decide what the next one draws.
            self._set_random_state(random_state)
        self._apply_gradients()
        return loss, logits

    def _backward(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Adds up the gradients of a batch; gives its loss and its logits."""
        losses, logits = [], []
        index, _ = self._on_device(rows)
        for part in np.array_split(rows, min(self.micro_batches, len(rows))):
            part_index, width = self._on_device(part)
            terms, part_logits = self.objective(part_index, width)
            loss = self.objective.share(terms, part_index, index)
            loss.backward()
            losses.append(loss.detach())
            logits.append(part_logits.detach())
        return torch.stack(losses).sum(), torch.cat(logits)

    def _clip_gradients(self) -> None:
        """Has the optimiser scale the gradients down to the largest norm they may have."""
        parameters = [piece.parameter for piece in self.objective.pieces]
        gradients = [p.grad for p in parameters if p.grad is not None]
        # On a CPU a product with itself is twice as fast as torch's norm.
        norm = torch.stack([g.flatten().dot(g.flatten()) for g in gradients]).sum().sqrt()
        self.optimizer.grad_scale = (norm / self.recipe.max_grad_norm).clamp(min=1)

    def _check(self) -> None:
        if not self.curve.finite:
            raise TrainingError(
                f"the training loss is not finite in epoch {self.position.epoch + 1}, step "
                f"{self.position.step}: training diverged (learning_rate "
                f"{self.recipe.learning_rate:g}, beta {self.objective.weights.beta:g}, "
                f"precision {self.objective.precision})"
            )

    def state_dict(self) -> dict[str, Any]:
        """Everything that the rest of the training depends on, besides recipe and files."""
        projection = self.objective.projection
        return {
            "model": self.model.state_dict(),
            "projection": None if projection is None else projection.state_dict(),
            "moments": moments(self.optimizer, self.objective.pieces),
            "position": [self.position.epoch, self.position.step],
            "curve": self.curve.sums,
            "micro_batches": self.micro_batches,
            "rng": self._random_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes back to a state of the same recipe and model."""
        self.model.load_state_dict(state["model"])
        if self.objective.projection is not None:
            self.objective.projection.load_state_dict(state["projection"])
        load_moments(self.optimizer, self.objective.pieces, state["moments"])
        self._graphs = self._new_graphs()  # the old ones know another state of the optimiser
        self.position = Position(*state["position"])
        self.curve.sums.copy_(state["curve"])
        self.micro_batches = state["micro_batches"]
        self._set_random_state(state["rng"])

    def _random_state(self) -> list[Tensor]:
        states = [torch.get_rng_state()]
        if self.device.type == "cuda":
            states.append(torch.cuda.get_rng_state(self.device))
        return states

    def _set_random_state(self, states: list[Tensor]) -> None:
        torch.set_rng_state(states[0].cpu())
        if len(states) > 1 and self.device.type == "cuda":
            torch.cuda.set_rng_state(states[1].cpu(), self.device)
