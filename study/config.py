"""The configuration of a study: its keys and their limits."""

import math
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pkd.recipe import LARGEST_COUNT, STUDENT_METHODS, Method
from pkd.tasks import PAPER_TASKS, expand_groups
from study.space import LearningRates, Range, Section, Space
from study.trackers import Trackers

Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
_LARGEST_GRID = 10_000


def _expand_home(path: Any) -> Any:
    return type(path)(os.path.expanduser(path))


# A study records the home folder as ~, see `study.redact`; no shell expands what a file holds.
_InHome = AfterValidator(_expand_home)


class Data(Section):
    """Where rows come from, and how many are taken.

    Attributes:
        dir: folder with ``<task>/<split>.parquet``; null loads nyu-mll/glue from the hub.
        generated: write the seven tasks with the built-in generator instead (the demo).
        max_train_rows: cap of the training rows, one number or one per task; null takes all.
        max_dev_rows: likewise for each dev split.
    """

    dir: Annotated[Path, _InHome] | None = None
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
            start from.
        trials: fine-tuning runs per task; the best on dev teaches.
        epochs: passes over the training rows.
        learning_rate: its search space.
    """

    model: Annotated[str, _InHome] = "bert-base-uncased"
    fine_tuned: dict[str, Annotated[str, _InHome]] = {}
    trials: Count = 3
    epochs: Count = 4
    learning_rate: LearningRates = (2e-5, 3e-5, 5e-5)

    @model_validator(mode="after")
    def _enough_choices(self) -> "Teacher":
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
        init: students start from the first layers of the ``pretrained`` encoder (the paper) or
            of the fine-tuned ``teacher``.
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
    model: Annotated[str, _InHome] | None = None


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


class StudyConfig(Section):
    """A whole study.

    Attributes:
        name: names the default output folder, ``runs/<name>``.
        tasks: GLUE tasks, ``glue`` (the paper's) or paths of task files.
        depths: student depths in layers.
        methods: what is compared; the ``teacher`` is always there and not named.
        seed: everything random follows from it.
        data: where rows come from.
        teacher: the teachers.
        train: how students are trained.
        search: how their settings are searched.
        confirm: how winners are trained again.
        resources: what a trial asks of the machine.
        trackers: where trials are followed besides the report.
    """

    name: str = Field(default="study", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)
    tasks: tuple[Annotated[str, _InHome], ...] = Field(default=PAPER_TASKS, min_length=1)
    depths: tuple[int, ...] = Field(default=(6, 3), min_length=1)
    methods: tuple[Method, ...] = Field(default=STUDENT_METHODS, min_length=1)
    seed: int = Field(default=42, ge=0, lt=2**32)
    data: Data = Data()
    teacher: Teacher = Teacher()
    train: Training = Training()
    search: Search = Search()
    confirm: Confirm = Confirm()
    resources: Resources = Resources()
    trackers: Trackers = Trackers()

    @field_validator("depths", "methods", "tasks")
    @classmethod
    def _each_once(cls, values: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        if len(set(values)) < len(values):
            raise ValueError(f"`{info.field_name}` names {_twice(values)!r} twice")
        return values

    @field_validator("tasks")
    @classmethod
    def _expanded(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        # As single tasks, so that a study of one of them may grow into the whole group.
        return expand_groups(names)

    @model_validator(mode="after")
    def _consistent(self) -> "StudyConfig":
        if "teacher" in self.methods:
            raise ValueError(
                "`methods` holds 'teacher', which is always trained; choose from "
                + ", ".join(STUDENT_METHODS)
            )
        if min(self.depths) < 1:
            raise ValueError(f"`depths` holds {min(self.depths)}, but must be >= 1")
        if self.data.generated and (self.train.model or self.teacher.fine_tuned):
            raise ValueError(
                "`data.generated` is on, whose encoder is generated too: leave out `train.model` "
                "and `teacher.fine_tuned`"
            )
        if self.train.init == "teacher" and self.train.model is not None:
            raise ValueError(
                "`train.init` is teacher and `train.model` is given: students start from one"
            )
        search = self.search
        if search.algorithm == "grid":
            for key in Space.model_fields:
                if isinstance(getattr(search.space, key), Range):
                    raise ValueError(
                        f"`search.space.{key}` is a range, but a grid needs a list of choices"
                    )
            size = math.prod(len(getattr(search.space, key)) for key in Space.model_fields)
            if size > _LARGEST_GRID:
                raise ValueError(
                    f"`search.space` has {size:,} combinations, but a grid may have at most "
                    f"{_LARGEST_GRID:,}: name fewer choices, or take `tpe`"
                )
        if search.inherit_from_kd and "kd" not in self.methods:
            raise ValueError("`search.inherit_from_kd` needs 'kd' in `methods`")
        if search.asha is not None and search.asha.grace_epochs > self.train.epochs:
            raise ValueError(
                f"`search.asha.grace_epochs` is {search.asha.grace_epochs}, but must be <= "
                f"`train.epochs` ({self.train.epochs})"
            )
        return self


def _twice(values: tuple[Any, ...]) -> Any:
    return next(value for value in values if values.count(value) > 1)
