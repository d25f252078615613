"""The groups of a study's configuration: their keys and limits."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from pkd.distillation.recipe import LARGEST_COUNT
from pkd.runtime.redaction import redacted
from study.config.search_space import LearningRates, Range, Section, Space, as_list

Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]


def _expand_home(path: Any) -> Any:
    return type(path)(os.path.expanduser(path))


# A study records the home folder as ~ (`pkd.runtime.redaction`), and users write it: expand it.
InHome = AfterValidator(_expand_home)

# Told apart by their form, so that an error message is about the form that the user wrote.
_StartLayers = Annotated[
    Annotated[Literal["first", "spaced"], Tag("choice")]
    | Annotated[dict[int, Annotated[tuple[int, ...], BeforeValidator(as_list)]], Tag("by_depth")],
    Discriminator(lambda value: "by_depth" if isinstance(value, dict) else "choice"),
]

_Given = Annotated[
    Annotated[str, InHome, Tag("one")]
    | Annotated[tuple[Annotated[str, InHome], ...], Field(min_length=1), Tag("several")],
    Discriminator(lambda value: "several" if isinstance(value, (list, tuple)) else "one"),
]


class Data(Section):
    """Where rows come from, and how many are used.

    Attributes:
        dir: folder with ``<task>/<split>.parquet``; null loads nyu-mll/glue from the hub.
        generated: use generated tasks and an encoder with random weights instead (the demo).
        max_train_rows: largest number of training rows, one number for all tasks or a mapping by
            task, ``{mnli: 5000}``; a fixed random subset is used; null uses all rows.
        max_dev_rows: largest number of rows of each dev split, in the same form.
    """

    dir: Annotated[Path, InHome] | None = None
    generated: bool = False
    max_train_rows: int | dict[str, int] | None = None
    max_dev_rows: int | dict[str, int] | None = None

    def cap(self, kind: Literal["max_train_rows", "max_dev_rows"], task: str) -> int | None:
        """Returns a task's largest number of rows; None if there is no limit."""
        value: int | dict[str, int] | None = getattr(self, kind)
        return value.get(task) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _positive(self) -> "Data":
        for key in ("max_train_rows", "max_dev_rows"):
            value = getattr(self, key)
            for cap in value.values() if isinstance(value, dict) else (value,):
                if cap is not None and cap < 2:
                    raise ValueError(f"`data.{key}` is {cap}, but must be >= 2")
        if self.generated and self.dir is not None:
            raise ValueError("`data.generated` is on and `data.dir` is given: choose one")
        return self


class Teacher(Section):
    """How teachers are fine-tuned, or which fine-tuned models are the teachers.

    Attributes:
        model: folder or hub id of the pre-trained encoder; teachers and students start from it.
        fine_tuned: folder or hub id of a teacher that is fine-tuned already, by task; it may have
            any family, width and tokenizer. Then no teacher is trained, and only students start
            from ``model``. A list of several teachers is an ensemble: students learn from the mean
            of their softened predictions; the patience loss and the tables use the first one.
        trials: number of teachers that are trained for each task; the one with the best dev score
            is used.
        ensemble: number of teachers of each task that are used, those with the best dev scores:
            students learn from the mean of their softened predictions; the patience loss and the
            tables use the best one.
        epochs: passes over the training rows, of teachers.
        learning_rate: search space of the teachers' learning rate.
    """

    model: Annotated[str, InHome] = "bert-base-uncased"
    fine_tuned: dict[str, _Given] = {}
    trials: Count = 3
    ensemble: Count = 1
    epochs: Count = 4
    learning_rate: LearningRates = (2e-5, 3e-5, 5e-5)

    def given(self, task: str) -> tuple[str, ...]:
        """Returns the models that ``fine_tuned`` names for a task, the first teacher first."""
        named = self.fine_tuned[task]
        return (named,) if isinstance(named, str) else named

    @model_validator(mode="after")
    def _enough_choices(self) -> "Teacher":
        if self.ensemble > self.trials:
            raise ValueError(
                f"`teacher.ensemble` is {self.ensemble}, but must be <= `teacher.trials` "
                f"({self.trials})"
            )
        if self.ensemble > 1 and self.fine_tuned:
            raise ValueError(
                f"`teacher.ensemble` is {self.ensemble} and `teacher.fine_tuned` is given: name "
                "the teachers of an ensemble there, as a list"
            )
        choices = self.learning_rate
        if not isinstance(choices, Range) and len(choices) < self.trials:
            raise ValueError(
                f"`teacher.trials` is {self.trials}, but `teacher.learning_rate` has "
                f"{len(choices)} choice(s): add some, give a range, or lower the trials"
            )
        return self


class Training(Section):
    """How students are trained; ``batch_size`` … ``precision`` hold for teachers as well.

    Attributes:
        epochs: passes over the training rows, of students.
        batch_size: rows per step.
        max_length: largest number of tokens of a row; longer rows are truncated.
        warmup: share of the steps in which the learning rate rises; afterwards it falls to 0.
        weight_decay: weight decay of AdamW.
        max_grad_norm: largest norm of the gradients; larger ones are clipped to it.
        precision: ``bf16`` (autocast, weights stay fp32), ``fp32``, or ``auto``: bf16 if the
            hardware multiplies it natively, else fp32.
        scale: scale of alpha and beta: ``released`` for the authors' code, whose losses are means,
            or ``paper`` for the paper's equations, which are sums over classes, layers and units.
        init: students start from layers of the ``pretrained`` encoder (as in the paper) or of the
            fine-tuned ``teacher``.
        start_layers: which layers students start from: the ``first`` ones, ``spaced`` evenly up to
            the last one (6 of 12 layers: 2, 4, 6, 8, 10, 12), or a list for each depth,
            ``{3: [1, 4, 6]}``.
        model: folder or hub id of the encoder that students start from; null uses
            ``teacher.model``.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    epochs: Count = 4
    batch_size: Count = 32
    max_length: int = Field(default=128, ge=8)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    scale: Literal["released", "paper"] = "released"
    init: Literal["pretrained", "teacher"] = "pretrained"
    start_layers: _StartLayers = "first"
    model: Annotated[str, InHome] | None = None

    def start(self, depth: int) -> str | tuple[int, ...]:
        """Returns the value of ``start_layers`` for students of a depth."""
        return (
            self.start_layers if isinstance(self.start_layers, str) else self.start_layers[depth]
        )


class Asha(Section):
    """Early stopping by ASHA: trials that score worse than others of their cell are stopped.

    Attributes:
        grace_epochs: epochs that every trial is trained before it may be stopped.
        reduction_factor: of every ``reduction_factor`` trials that reach a rung, one continues.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    grace_epochs: Count = 1
    reduction_factor: float = Field(default=2, gt=1)


class Search(Section):
    """How each cell's hyperparameters are searched.

    Attributes:
        algorithm: ``tpe``, ``random``, or ``grid`` (all combinations of the space's choices).
        trials: number of trials per cell, the same for every method; ``grid`` ignores it.
        asha: early stopping; null trains every trial for all epochs.
        published_points: try the authors' best settings first, if they published some for the cell
            (BERT-base only) and the space contains them.
        inherit_from_kd: PKD cells use the temperature and alpha of the winner of the KD cell of
            the same task and depth, and wait for it (as the authors did).
        space: the hyperparameters that are searched.
    """

    algorithm: Literal["tpe", "random", "grid"] = "tpe"
    trials: Count = 16
    asha: Asha | None = Asha()
    published_points: bool = True
    inherit_from_kd: bool = False
    space: Space = Space()


class Confirm(Section):
    """How each cell's winner is trained again.

    Attributes:
        seeds: number of new seeds that each cell's winner is trained again with; the tables show
            only these trainings.
    """

    seeds: Count = 3


class Resources(Section):
    """What a trial requests from the machine; may change while a study is interrupted.

    Attributes:
        cpus_per_trial: CPU threads of a trial; null uses 1, or on a GPU the CPUs that belong to
            the trial's share of it.
        gpus_per_trial: GPUs of a trial; with a fraction, trials share a GPU; null uses a quarter
            of a GPU if the cluster has any, else 0.
        max_concurrent: largest number of trials that run at once; null runs as many as fit.
        checkpoint_every_s: seconds between the checkpoints of a trial.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    cpus_per_trial: float | None = Field(default=None, gt=0)
    gpus_per_trial: float | None = Field(default=None, ge=0)
    max_concurrent: Count | None = None
    checkpoint_every_s: float = Field(default=60, ge=0)


_URI = re.compile(r"(https?|(sqlite|postgresql|mysql|mssql)(\+\w+)?)://.|databricks(://.+)?$")


class Trackers(Section):
    """Experiment trackers that log the trials; may change while a study is interrupted.

    Attributes:
        tensorboard: write event files to ``<out>/trackers/tensorboard``.
        mlflow: address of a server, ``https://…``, or of a database, ``sqlite:///mlflow.db``; each
            trial is a run of the experiment that has the study's name.
        wandb: project at Weights & Biases; the key comes from ``WANDB_API_KEY`` or
            ``wandb login``; ``WANDB_MODE=offline`` needs no key.
    """

    tensorboard: bool = False
    mlflow: str | None = None
    wandb: str | None = Field(default=None, pattern=r"^[^/\\#?%:\s][^/\\#?%:]*$", max_length=128)

    @field_validator("mlflow")
    @classmethod
    def _known_to_mlflow(cls, uri: str | None) -> str | None:
        if uri is not None and not _URI.match(uri):
            raise ValueError(
                f"`trackers.mlflow` is {redacted(uri)!r}, but must be the http(s):// address of "
                "a server or a database such as sqlite:///mlflow.db (MLflow no longer accepts "
                "folders)"
            )
        return uri

    @property
    def chosen(self) -> list[str]:
        """Names of the trackers that are on."""
        return [name for name in type(self).model_fields if getattr(self, name)]


OFF = Trackers()
