"""The groups of a study's configuration: their keys and limits."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from pkd.distillation.recipe import LARGEST_COUNT
from pkd.runtime.redaction import redacted
from study.config.search_space import LearningRates, Range, Section, Space

Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]


def _expand_home(path: Any) -> Any:
    return type(path)(os.path.expanduser(path))


# A study records the home folder as ~ (`pkd.runtime.redaction`). No shell expands a file's ~.
InHome = AfterValidator(_expand_home)

# Told apart by their form, so that an error speaks of the one that was meant.
_StartLayers = Annotated[
    Annotated[Literal["first", "spaced"], Tag("choice")]
    | Annotated[dict[int, tuple[int, ...]], Tag("by_depth")],
    Discriminator(lambda value: "by_depth" if isinstance(value, dict) else "choice"),
]

_Given = Annotated[
    Annotated[str, InHome, Tag("one")]
    | Annotated[tuple[Annotated[str, InHome], ...], Field(min_length=1), Tag("several")],
    Discriminator(lambda value: "several" if isinstance(value, (list, tuple)) else "one"),
]


class Data(Section):
    """Where rows come from, and how many are taken.

    Attributes:
        dir: folder with ``<task>/<split>.parquet``; null loads nyu-mll/glue from the hub.
        generated: write the seven tasks with the built-in generator instead (the demo).
        max_train_rows: cap of the training rows, one number or one per task; null takes all.
        max_dev_rows: likewise for each dev split.
    """

    dir: Annotated[Path, InHome] | None = None
    generated: bool = False
    max_train_rows: int | dict[str, int] | None = None
    max_dev_rows: int | dict[str, int] | None = None

    def cap(self, kind: Literal["max_train_rows", "max_dev_rows"], task: str) -> int | None:
        """The cap that holds for a task."""
        value: int | dict[str, int] | None = getattr(self, kind)
        return value.get(task) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _positive(self) -> "Data":
        for key in ("max_train_rows", "max_dev_rows"):
            value = getattr(self, key)
            for cap in value.values() if isinstance(value, dict) else (value,):
                if cap is not None and cap < 2:
                    raise ValueError(f"`{key}` is {cap}, but must be >= 2")
        if self.generated and self.dir is not None:
            raise ValueError("`data.generated` is on and `data.dir` is given: choose one")
        return self


class Teacher(Section):
    """The teachers.

    Attributes:
        model: folder or hub id of the pre-trained encoder; teachers and students start from it.
        fine_tuned: by task, folder or hub id of a teacher that is fine-tuned already, of any
            family, width and tokenizer; then none is trained, and ``model`` is where students
            start from. Several in a list teach as an ensemble; patience and tables look at the
            first.
        trials: fine-tuning runs per task; the best on dev teaches.
        ensemble: how many of them teach, the best on dev: students learn from the mean of their
            softened predictions; patience and tables look at the best one.
        epochs: passes over the training rows.
        learning_rate: its search space.
    """

    model: Annotated[str, InHome] = "bert-base-uncased"
    fine_tuned: dict[str, _Given] = {}
    trials: Count = 3
    ensemble: Count = 1
    epochs: Count = 4
    learning_rate: LearningRates = (2e-5, 3e-5, 5e-5)

    def given(self, task: str) -> tuple[str, ...]:
        """The teachers that ``fine_tuned`` names for a task, the best one first."""
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
    """How all students are trained, and teachers too but for the epochs.

    Attributes:
        epochs: passes over the training rows, of students.
        batch_size: rows of a step.
        max_length: longest row in tokens; what is longer is cut.
        warmup: share of the steps in which the learning rate rises; then it falls to 0.
        weight_decay: of AdamW.
        max_grad_norm: longer gradients are cut to this norm.
        precision: ``bf16`` (autocast, weights stay fp32), ``fp32``, or ``auto``: bf16 where the
            hardware multiplies it natively.
        scale: in which alpha and beta are meant: that of the ``released`` code, whose losses are
            means, or of the ``paper``'s equations, which are sums over classes, layers and units.
        init: students start from layers of the ``pretrained`` encoder (the paper) or of the
            fine-tuned ``teacher``.
        start_layers: which of its layers they are: the ``first``, ``spaced`` evenly with the last
            one included (12 to 6: 2, 4, 6, 8, 10, 12), or by depth a list of them,
            ``{3: [1, 4, 6]}``.
        model: folder or hub id of the encoder that students start from; null: the teachers'.
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
        """What ``start_layers`` says of students of a depth."""
        return (
            self.start_layers if isinstance(self.start_layers, str) else self.start_layers[depth]
        )


class Asha(Section):
    """Early stopping: trials that do worse than others of their cell are cut short.

    Attributes:
        grace_epochs: no trial is stopped before so many epochs.
        reduction_factor: of the trials that reach a rung, one in so many goes on.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    grace_epochs: Count = 1
    reduction_factor: float = Field(default=2, gt=1)


class Search(Section):
    """How each cell's settings are searched.

    Attributes:
        algorithm: ``tpe``, ``random`` or ``grid`` (every combination of the space's choices).
        trials: per cell, the same for every method; the grid's own size for ``grid``.
        asha: early stopping; null trains every trial to its end.
        published_points: try the authors' winning settings first, where there are some for the
            cell (BERT-base only) and the space holds them.
        inherit_from_kd: PKD cells take temperature and alpha from the winner of the KD cell of
            the same task and depth, and wait for it (the authors' protocol).
        space: what is searched.
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
        seeds: fresh seeds on which each cell's winner is trained again; only these runs enter the
            tables.
    """

    seeds: Count = 3


class Resources(Section):
    """What a trial asks of the machine; may change while a study is interrupted.

    Attributes:
        cpus_per_trial: CPU threads of a trial; null: 1, or the GPU trials' share of the CPUs.
        gpus_per_trial: GPUs of a trial, a fraction shares one; null: a quarter of a GPU if the
            cluster has any, else 0.
        max_concurrent: trials at once; null: as many as fit.
        checkpoint_every_s: seconds between a trial's checkpoints.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    cpus_per_trial: float | None = Field(default=None, gt=0)
    gpus_per_trial: float | None = Field(default=None, ge=0)
    max_concurrent: Count | None = None
    checkpoint_every_s: float = Field(default=60, ge=0)


_URI = re.compile(r"(https?|(sqlite|postgresql|mysql|mssql)(\+\w+)?)://.|databricks(://.+)?$")


class Trackers(Section):
    """Where trials are followed besides the report; may change while a study is interrupted.

    Attributes:
        tensorboard: write event files to ``<out>/trackers/tensorboard``.
        mlflow: a server, ``https://…``, or a database, ``sqlite:///mlflow.db``; each trial is a
            run of the experiment that is called like the study.
        wandb: project at Weights & Biases; the key comes from ``WANDB_API_KEY`` or
            ``wandb login``, ``WANDB_MODE=offline`` needs none.
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
                "a server or a database such as sqlite:///mlflow.db (MLflow takes no folders any "
                "more)"
            )
        return uri

    @property
    def chosen(self) -> list[str]:
        """The trackers that are on."""
        return [name for name in type(self).model_fields if getattr(self, name)]


OFF = Trackers()
