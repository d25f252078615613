"""One training with its evaluations, epoch by epoch, resumable from its checkpoint."""

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from pkd.acceleration.vocabulary import keep_used_words, whole_state_dict
from pkd.data.rows import UNLABELLED
from pkd.data.tokens import open_tokens
from pkd.distillation.losses import Loss, distillation_loss
from pkd.distillation.methods import TEACHER
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import Signals, open_signals
from pkd.errors import CacheError, TrainingError
from pkd.evaluation.inference import predict_logits, write_predictions
from pkd.evaluation.metrics import cross_entropy, score, selection_score
from pkd.models.classifier import load_classifier, save_model
from pkd.models.encoder import depth_of
from pkd.models.start_layers import start_layers
from pkd.runtime.devices import default_device
from pkd.tasks.task import Task
from pkd.training.checkpoint import check_intact, load_checkpoint, save_checkpoint
from pkd.training.epoch_report import EpochReport
from pkd.training.objective import Objective, class_weights
from pkd.training.training_loop import TrainingLoop


@dataclass(frozen=True)
class Files:
    """What a training reads.

    Attributes:
        task: the task whose dev splits are scored.
        tokens: the token folder of the training split and of each dev split.
        model: folder of the encoder (or of the fine-tuned teacher) that the weights start from.
        signals: the teacher's signal folder; None for ``teacher`` and ``ft``.
        teacher_layers: the teacher's depth; None where no layer map is needed.
        further_signals: signal folders of the other teachers of an ensemble. The loss averages
            the softened predictions of all teachers; the states are those of the first.
    """

    task: Task
    tokens: dict[str, Path]
    model: Path
    signals: Path | None = None
    teacher_layers: int | None = None
    further_signals: tuple[Path, ...] = ()

    def read(self) -> list[Path]:
        """Returns the folders that a training reads."""
        splits = dict.fromkeys((self.task.train, self.task.distilled, *self.task.dev))
        folders = [self.tokens[split] for split in splits] + [self.model]
        return folders if self.signals is None else [*folders, self.signals, *self.further_signals]


def _no_op(path: Path) -> None:
    """No-op: written files need no further step."""


@dataclass(frozen=True)
class Outputs:
    """Where a training writes its files; None writes none of the kind.

    Attributes:
        checkpoint: the state to resume from. The caller deletes it when the training has ended.
        best_model: folder for the best epoch's weights, in ``save_pretrained`` form.
        predictions: folder for ``<dev split>.parquet``, predicted by the best epoch.
        checkpoint_every: seconds between checkpoints.
        written: called with each file or folder after it was written.
    """

    checkpoint: Path | None = None
    best_model: Path | None = None
    predictions: Path | None = None
    checkpoint_every: float = 60.0
    written: Callable[[Path], None] = _no_op


class TrainingRun:
    """Trains by a recipe, evaluates after each epoch and keeps the best epoch's model.

    Args:
        recipe: hyperparameters and schedule.
        files: what to read.
        outputs: where files go; by default nothing is written.
        device: where to run; the first GPU or the CPU by default.
        loss: what is minimised instead of the method's own loss.

    Attributes:
        reports: one for each finished epoch, including those before a resume.
    """

    def __init__(
        self,
        recipe: Recipe,
        files: Files,
        outputs: Outputs | None = None,
        device: torch.device | None = None,
        loss: Loss | None = None,
    ) -> None:
        self.recipe, self.files, self.task = recipe, files, files.task
        self.outputs = outputs or Outputs()
        self.device = device or default_device()
        student = load_classifier(files.model, self.task.labels, self._start(), recipe.seed)
        train = open_tokens(files.tokens[self._train_split()], self.device)
        labels = train.all_labels()
        self.dev = {s: open_tokens(files.tokens[s], self.device) for s in self.task.dev}
        keep_used_words(student, [train, *self.dev.values()])
        depth = int(student.config.num_hidden_layers)
        teacher_map = recipe.teacher_map(files.teacher_layers, depth)
        objective = Objective(
            recipe,
            student,
            train,
            self.device,
            signals=self._signals(teacher_map),
            teacher_map=teacher_map,
            class_weights=class_weights(self.task, labels[labels != UNLABELLED]),
            loss=loss or recipe.entry.loss or distillation_loss,
        )
        self.loop = TrainingLoop(objective, self._steps())
        self.reports: list[EpochReport] = []
        self._train_seconds = 0.0
        self._saved_at = time.monotonic()
        if self.outputs.checkpoint is not None and self.outputs.checkpoint.exists():
            self._resume(self.outputs.checkpoint)

    def _start(self) -> tuple[int, ...] | None:
        """Returns the layers that the student starts from; None for all."""
        depth = self.recipe.layers
        if depth is None:
            return None
        return start_layers(self.recipe.start_layers, depth_of(self.files.model), depth)

    def _train_split(self) -> str:
        """Returns the rows that the method learns from: rows without a label need a teacher."""
        taught = self.recipe.entry.needs_teacher
        return self.task.distilled if taught else self.task.train

    def _steps(self) -> int | None:
        """Returns the steps of an epoch, the same for all students, whichever rows they read."""
        if self.recipe.method == TEACHER or not self.task.unlabelled:
            return None
        rows = open_tokens(self.files.tokens[self.task.distilled])
        return math.ceil(len(rows) / self.recipe.batch_size)

    def _resume(self, checkpoint: Path) -> None:
        try:
            check_intact(checkpoint)
        except CacheError as error:
            # Training again gives the same result.
            warnings.warn(f"{error}: it is deleted and the training starts again", stacklevel=3)
            checkpoint.unlink()
            return
        self.load(checkpoint)

    def save(self, path: Path) -> None:
        """Writes the state of the training, from which `load` continues it bit for bit."""
        reports = [report.to_dict() for report in self.reports]
        extra = {"reports": reports, "train_seconds": self._train_seconds}
        save_checkpoint(path, self.loop, extra)

    def load(self, path: Path) -> None:
        """Continues from a saved state, also from that of a training with another recipe.

        The weights must have the same shapes: depth, data and encoder must be the same.

        Raises:
            CacheError: if the file is damaged, or its weights have other shapes.
        """
        extra = load_checkpoint(path, self.loop)
        self.reports = [EpochReport(**report) for report in extra["reports"]]
        self._train_seconds = extra["train_seconds"]

    def _signals(self, teacher_map: tuple[int, ...]) -> Signals | None:
        recipe, files = self.recipe, self.files
        if files.signals is None or not (recipe.needs_logits or recipe.needs_states):
            return None
        layers = teacher_map if recipe.needs_states else ()
        return open_signals(files.signals, layers, self.device, files.further_signals)

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return self.loop.finished

    def run_epoch(self, on_step: Callable[[int, int], None] | None = None) -> EpochReport:
        """Trains the next epoch (or the rest of it) and evaluates.

        Args:
            on_step: called with (steps done, steps of the epoch) after each step.

        Raises:
            TrainingError: if loss, logits or score stop being finite numbers.
        """
        started = time.perf_counter()
        for position in self.loop.run_epoch():
            self._train_seconds += time.perf_counter() - started
            # At the end of an epoch the checkpoint must hold its report too: see below.
            if position.step > 0:
                self._checkpoint_if_due()
            if on_step is not None:
                on_step(position.step or self.loop.steps_per_epoch, self.loop.steps_per_epoch)
            started = time.perf_counter()
        self.reports.append(self._evaluate())
        if not self.finished:
            self._checkpoint_if_due()
        return self.reports[-1]

    def _evaluate(self) -> EpochReport:
        started = time.perf_counter()
        metrics, logits = {}, {}
        for split, tokens in self.dev.items():
            logits[split] = predict_logits(
                self.loop.model, tokens, self.device, self.loop.objective.precision
            )
            labels = tokens.all_labels()
            metrics[split] = score(self.task.metrics, logits[split], labels, self.task.labels)
        first = self.task.dev[0]
        labels = self.dev[first].all_labels()
        value = selection_score(self.task, metrics)
        if not np.isfinite(value):
            raise TrainingError(f"the dev score is {value}, not a finite number")
        report = EpochReport(
            epoch=self.loop.position.epoch,
            score=value,
            metrics=metrics,
            train_loss=self.loop.epoch_loss,
            train_accuracy=self.loop.epoch_accuracy,
            train_curve=[asdict(point) for point in self.loop.epoch_curve],
            dev_loss=cross_entropy(logits[first], labels),
            classes_predicted=len(np.unique(logits[first].argmax(axis=1))),
            train_seconds=self._train_seconds,
            eval_seconds=time.perf_counter() - started,
            samples=self.loop.samples_per_epoch,
            micro_batches=self.loop.micro_batches,
            device=str(self.device),
        )
        self._train_seconds = 0.0
        if all(value > earlier.score for earlier in self.reports):
            self._keep(logits)
        return report

    def _keep(self, logits: dict[str, np.ndarray]) -> None:
        if self.outputs.predictions is not None:
            for split, values in logits.items():
                tokens = self.dev[split]
                labels = tokens.all_labels()
                path = self.outputs.predictions / f"{split}.parquet"
                made_from = {"tokens": tokens.path.name}
                write_predictions(path, self.task, tokens.idx, values, labels, made_from)
                self.outputs.written(path)
        if self.outputs.best_model is not None:
            weights = whole_state_dict(self.loop.model, self.loop.decay_so_far)
            save_model(self.loop.model, self.files.model, self.outputs.best_model, weights)
            self.outputs.written(self.outputs.best_model)

    def _checkpoint_if_due(self) -> None:
        path = self.outputs.checkpoint
        if path is None or time.monotonic() - self._saved_at < self.outputs.checkpoint_every:
            return
        self.save(path)
        self.outputs.written(path)
        self._saved_at = time.monotonic()
