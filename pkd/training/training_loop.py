"""The steps of a training as a resumable object, the same for every method."""

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

# Reading the loss makes a GPU wait for it. This is often enough to notice a diverged training.
_CHECK_EVERY = 50


@dataclass
class Position:
    """How far a training is: ``epoch`` whole epochs and ``step`` batches of the next one."""

    epoch: int = 0
    step: int = 0


class TrainingLoop:
    """Trains one model by a recipe; it can stop and resume at any step, bit for bit.

    Args:
        objective: the loss and the weights that it is minimised over; its recipe has the schedule.
        steps: steps of an epoch; by default one pass over the rows.

    Attributes:
        micro_batches: the number of parts in which a batch is computed, one after the other, with
            the gradient of the whole batch. It starts at 1 and doubles when memory runs out.
    """

    def __init__(self, objective: Objective, steps: int | None = None) -> None:
        self.objective, self.recipe = objective, objective.recipe
        self.model, self.tokens, self.device = objective.model, objective.tokens, objective.device
        self.position = Position()
        self.micro_batches = 1
        self.epoch_loss = self.epoch_accuracy = float("nan")
        self.epoch_curve: list[CurvePoint] = []
        self.steps_per_epoch = steps or math.ceil(len(self.tokens) / self.recipe.batch_size)
        self.curve = EpochCurve(self.steps_per_epoch, self.device)
        self._decay_at_load = (0, 1.0)  # steps, and the `decay_so_far` after them
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
        """Rows of an epoch. Unless an epoch is one pass, every batch counts as full."""
        rows, size = len(self.tokens), self.recipe.batch_size
        one_pass = self.steps_per_epoch == math.ceil(rows / size)
        return rows if one_pass else self.steps_per_epoch * size

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return self.position.epoch >= self.recipe.epochs

    def run_epoch(self) -> Iterator[Position]:
        """Trains to the end of the current epoch, yielding after each step.

        Afterwards `epoch_loss` holds the mean loss over the epoch's steps, `epoch_accuracy` the
        accuracy of the model while it trained, and `epoch_curve` both within the epoch.

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
        """The factor by which weight decay alone has shrunk a weight that had no gradient."""
        loaded, factor = self._decay_at_load
        decay, steps = self.recipe.weight_decay, range(loaded, self._steps_done)
        return math.prod((1 - self.learning_rate_at(step) * decay for step in steps), start=factor)

    @property
    def _steps_done(self) -> int:
        return self.position.epoch * self.steps_per_epoch + self.position.step

    def _step(self, rows: np.ndarray) -> None:
        set_learning_rate(self.optimizer, self.learning_rate_at(self._steps_done))
        index, width = self._on_device(rows)
        loss, logits = self._replay(index, width) or self._within_memory(rows)
        self.curve.add(self.position.step, loss, logits, self.tokens.labels_of(index))

    def _replay(self, index: Tensor, width: int) -> tuple[Tensor, Tensor] | None:
        """Runs the step as a CUDA graph; returns None where there is no graph."""
        if self._graphs is None or self.micro_batches > 1:
            return None
        if not self._graphs.has_seen(len(index), width):
            return None
        try:
            return self._graphs(self._whole_step, index, width)
        except RuntimeError as error:
            # A capture needs extra memory, and a model that never waits. No weight changed yet.
            warnings.warn(
                f"CUDA graphs are off for the rest of this training: {error}", stacklevel=2
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
        """Runs the step in as many parts as the memory requires."""
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
                        "memory runs out even for a single row: give each trial a larger share of "
                        "the device (resources.gpus_per_trial, resources.max_concurrent) or lower "
                        f"train.max_length ({error})"
                    ) from error
            # After the handler: its traceback keeps the tensors of the failed attempt alive.
            self.optimizer.zero_grad(set_to_none=True)
            release_memory()
            self.micro_batches *= 2
            # The next attempt must draw the same random numbers as the first one.
            self._set_random_state(random_state)
        self._apply_gradients()
        return loss, logits

    def _backward(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Adds up the gradients of a batch; returns its loss and its logits."""
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
        """Makes the optimiser scale the gradients down to the largest norm allowed."""
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
        """Returns all that the rest of the training depends on, besides recipe and files."""
        projection = self.objective.projection
        return {
            "model": self.model.state_dict(),
            "projection": None if projection is None else projection.state_dict(),
            "moments": moments(self.optimizer, self.objective.pieces),
            "position": [self.position.epoch, self.position.step],
            "curve": self.curve.sums,
            "micro_batches": self.micro_batches,
            "decay": self.decay_so_far,
            "rng": self._random_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a state, which goes on by this loop's recipe. The model must be the same."""
        self.model.load_state_dict(state["model"])
        if self.objective.projection is not None:
            self.objective.projection.load_state_dict(state["projection"])
        load_moments(self.optimizer, self.objective.pieces, state["moments"])
        self._graphs = self._new_graphs()  # the old ones captured another optimiser state
        self.position = Position(*state["position"])
        # Version 0.1.0 did not write it, and never continued another recipe's state.
        self._decay_at_load = (self._steps_done, state.get("decay", self.decay_so_far))
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
