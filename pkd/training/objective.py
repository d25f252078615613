"""The objective of a training: the loss of a batch of rows, for every method."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor
from transformers import PreTrainedModel

from pkd.acceleration.attention import attend_in_scores_precision
from pkd.acceleration.dropout import FastDropout
from pkd.acceleration.last_layer import read_summary_token_only
from pkd.data.rows import UNLABELLED
from pkd.data.tokens import TokenArrays
from pkd.distillation.losses import Loss, LossInputs, LossTerms, distillation_loss
from pkd.distillation.projection import Projection
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import Signals
from pkd.errors import InputError
from pkd.models.classifier import move
from pkd.models.families import family_of, summary_of, summary_states
from pkd.runtime.devices import autocast, resolve_precision
from pkd.tasks.task import Task
from pkd.training.master_weights import MasterWeights
from pkd.training.optimizer import Piece, pieces_of


class Objective:
    """The loss of a model on the rows of one split, in the precision of the recipe.

    Args:
        recipe: method and loss weights.
        model: the classifier; it is moved to ``device``.
        tokens: the rows with labels, on ``device``.
        device: where to compute.
        signals: the teacher's signals for the same rows; not needed by ``teacher`` and ``ft``.
        teacher_map: the teacher layers that the patience loss compares, 1-based, see
            `pkd.distillation.recipe.Recipe.teacher_map`; needed by methods that compare states.
        class_weights: (classes,) weights of the labels in the cross-entropy; None weighs all
            rows alike.
        loss: computes the terms; by default the paper's.

    Attributes:
        teacher_map: as given.
        student_map: the student layers that they are compared with.
        projection: maps the student's states to the teacher's width; None where they agree.
        pieces: the weights that the loss is minimised over.
        row_weight: see `pkd.distillation.losses.LossInputs`; None where all rows have labels.
    """

    def __init__(
        self,
        recipe: Recipe,
        model: PreTrainedModel,
        tokens: TokenArrays,
        device: torch.device,
        *,
        signals: Signals | None = None,
        teacher_map: Sequence[int] = (),
        class_weights: Tensor | None = None,
        loss: Loss = distillation_loss,
    ) -> None:
        self.recipe, self.loss = recipe, loss
        model = attend_in_scores_precision(move(model, device), device)
        self.model = read_summary_token_only(model)
        self.tokens, self.signals, self.device = tokens, signals, device
        self.class_weights = None if class_weights is None else class_weights.to(device)
        self.precision = resolve_precision(recipe.precision, device)
        self.weights = recipe.loss_weights
        self.summary = summary_of(model.config)
        self.teacher_map = tuple(teacher_map)
        if signals is None and (recipe.needs_logits or recipe.needs_states):
            raise InputError(
                f"the method {recipe.method} learns from a teacher: `signals` is missing, see "
                "`pkd.ask_teacher`"
            )
        if recipe.needs_states and not self.teacher_map:
            raise InputError(
                f"the method {recipe.method} compares states: `teacher_map` is missing, see "
                "`pkd.Recipe.teacher_map`"
            )
        self.student_map = tuple(range(1, len(self.teacher_map) + 1))
        self.projection = self._projection(recipe.seed)
        self._masters = self._master_weights()
        self.pieces = self._all_pieces()
        self.row_weight = self._row_weight()

    def _master_weights(self) -> MasterWeights | None:
        if self.device.type == "cpu" or not family_of(self.model.config).bert_layers:
            return None
        dtype = torch.bfloat16 if self.precision == "bf16" else torch.float32
        return MasterWeights(self.model, dtype)

    def _all_pieces(self) -> list[Piece]:
        own = dict(self.model.named_parameters())
        pieces = pieces_of(own) if self._masters is None else self._masters.pieces
        if self.projection is None:
            return pieces
        return pieces + pieces_of(dict(self.projection.named_parameters(prefix="projection")))

    def _row_weight(self) -> float | None:
        labels = self.tokens.all_labels()
        labelled = labels[labels != UNLABELLED]
        if len(labelled) == len(labels):
            return None
        if self.class_weights is None:
            return len(labelled) / len(labels)
        return float(self.class_weights.double().cpu().numpy()[labelled].sum()) / len(labels)

    def _projection(self, seed: int) -> Projection | None:
        if self.signals is None or not self.recipe.needs_states:
            return None
        student, teacher = self.model.config.hidden_size, self.signals.width
        if student == teacher:
            return None
        return Projection(len(self.teacher_map), student, teacher, seed).to(self.device)

    def _run(self, **inputs: Any) -> Any:
        with FastDropout():
            if self._masters is not None:
                return self._masters(**inputs)
            with autocast(self.precision, self.device):
                return self.model(**inputs)

    def __call__(self, index: Tensor, width: int) -> tuple[LossTerms, Tensor]:
        """Returns the loss terms of one batch and its logits; the model keeps its mode.

        Args:
            index: (batch,) row numbers, on the device.
            width: tokens of the longest row, or more.
        """
        inputs = self.tokens.gather(index, width)
        output = self._run(**inputs, output_hidden_states=bool(self.teacher_map))
        teacher_logits = teacher_states = student_states = None
        if self.signals is not None and self.recipe.needs_logits:
            teacher_logits = self.signals.logits_of(index)
        if self.signals is not None and self.recipe.needs_states:
            teacher_states = self.signals.states_of(index, self.teacher_map)
            student_states = summary_states(
                self.summary, output.hidden_states, self.student_map, inputs["attention_mask"]
            )
            if self.projection is not None:
                student_states = self.projection(student_states)
        terms = self.loss(
            LossInputs(
                self.weights,
                output.logits,
                self.tokens.labels_of(index),
                teacher_logits,
                student_states,
                teacher_states,
                self.class_weights,
                self.row_weight,
            )
        )
        return terms, output.logits

    def share(self, terms: LossTerms, part: Tensor, rows: Tensor) -> Tensor:
        """Returns what a part of a batch adds to the loss of the batch.

        Args:
            terms: the loss terms of the part alone.
            part: its row numbers.
            rows: the row numbers of the whole batch.
        """
        # Every loss is a mean over rows: so is the sum of the parts by their share of rows.
        of_rows = len(part) / len(rows)
        loss = terms.total * of_rows
        if self.class_weights is not None and self.row_weight is None:
            # All but CE, which is a mean over weights: its share is that of the weights.
            of_weights = self._weight_of(self.class_weights, part) / self._weight_of(
                self.class_weights, rows
            )
            loss = loss + (1 - self.weights.alpha) * terms.ce * (of_weights - of_rows)
        return loss

    def _weight_of(self, class_weights: Tensor, index: Tensor) -> Tensor:
        return class_weights[self.tokens.labels_of(index)].sum()


def class_weights(task: Task, labels: np.ndarray) -> Tensor | None:
    """The weight of each label of a task, for `pkd.distillation.losses.distillation_loss`.

    Args:
        task: whose ``class_weights`` are ``balanced`` (rows / (labels · rows of the label), over
            the labels that occur), numbers, or None.
        labels: (rows,) codes of the training rows.

    Returns:
        (classes,) fp32, or None where the task weighs all rows alike.
    """
    if task.class_weights is None:
        return None
    if task.class_weights != "balanced":
        return torch.tensor(task.class_weights, dtype=torch.float32)
    weights = torch.ones(len(task.labels))
    occurring = np.unique(labels)
    balanced = compute_class_weight("balanced", classes=occurring, y=labels)
    weights[torch.from_numpy(occurring)] = torch.from_numpy(balanced).float()
    return weights
