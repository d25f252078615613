"""What a worker receives for a trial: built by the stages, run by `study.trials`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pkd.data.preparation import Prepared
from pkd.distillation.methods import Method
from pkd.training.training_run import Files, Outputs
from study.storage.store import Store


@dataclass(frozen=True, kw_only=True)
class Work:
    """What all work of a worker has in common.

    Attributes:
        log: file for the trial's log.
        store: where the study's files are fetched from and published to.
    """

    log: Path
    store: Store


@dataclass(frozen=True, kw_only=True)
class TrialWork(Work):
    """One training.

    Attributes:
        files: what it reads.
        outputs: what it writes.
        recipe: fields of `pkd.distillation.recipe.Recipe`, checked by the worker.
        recorded: number of epochs that the ledger holds.
        own_methods: methods that the user wrote, by name. The worker adds them to
            `pkd.distillation.methods.METHODS`.
    """

    files: Files
    outputs: Outputs
    recipe: dict[str, Any]
    recorded: int
    own_methods: dict[str, Method] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SignalsWork(Work):
    """Caching a teacher's signals.

    Attributes:
        prepared: the task in the teacher's tokens.
        teacher: folder of the teacher.
        layers: 1-based layers whose states are kept.
        root: folder for signal folders.
        precision: ``auto``, ``fp32`` or ``bf16``.
    """

    prepared: Prepared
    teacher: Path
    layers: list[int]
    root: Path
    precision: str


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """A trained model that predicts splits of its task.

    Attributes:
        prepared: the task in the model's tokens.
        folder: where the model is.
        predictions: folder for its predictions, one Parquet file per split.
    """

    prepared: Prepared
    folder: Path
    predictions: Path


@dataclass(frozen=True, kw_only=True)
class PredictWork(Work):
    """Predicting the test and held-out splits.

    Attributes:
        model: the model that predicts.
        precision: ``auto``, ``fp32`` or ``bf16``.
    """

    model: TrainedModel
    precision: str


@dataclass(frozen=True, kw_only=True)
class GivenTeacherWork(Work):
    """Scoring the teachers of a task that were fine-tuned before the study.

    Attributes:
        teacher: the task's first teacher.
        others: the other teachers of its ensemble.
        weights: folder for a copy of the first teacher, where a trained one leaves its weights.
        precision: ``auto``, ``fp32`` or ``bf16``.
    """

    teacher: TrainedModel
    others: tuple[TrainedModel, ...]
    weights: Path
    precision: str
