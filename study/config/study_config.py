"""The configuration of a study: its keys, and the checks across its groups."""

import math
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from pkd.distillation.methods import STUDENT_METHODS, TEACHER, MethodName
from pkd.tasks.glue import PAPER_TASKS, expand_groups
from study.config.search_space import Range, Section, Space
from study.config.sections import (
    Confirm,
    Data,
    InHome,
    Resources,
    Search,
    Teacher,
    Trackers,
    Training,
)

_LARGEST_GRID = 10_000
# It names folders and table rows.
OwnName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)]


class StudyConfig(Section):
    """A whole study.

    Attributes:
        name: name of the study and of its default folder, ``runs/<name>``.
        tasks: GLUE tasks, ``glue`` (those of the paper), or paths of task files.
        depths: numbers of layers of the students.
        methods: methods that are compared: ``ft``, ``kd``, ``pkd-skip``, ``pkd-last`` or names of
            ``own_methods``; ``teacher`` is always included and must not be listed.
        own_methods: methods that you wrote, ``{pkd-first: my_methods:PKD_FIRST}``: a name for
            ``methods``, and where Python finds the `pkd.Method` (see docs/extend.md).
        seed: seed from which all random choices follow.
        data: where rows come from, and how many are used.
        teacher: how teachers are fine-tuned, or which models are the teachers.
        train: how students are trained.
        search: how the hyperparameters are searched.
        confirm: how winners are trained again.
        resources: what a trial requests from the machine.
        trackers: experiment trackers that log the trials.
    """

    name: str = Field(default="study", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)
    tasks: tuple[Annotated[str, InHome], ...] = Field(default=PAPER_TASKS, min_length=1)
    depths: tuple[int, ...] = Field(default=(6, 3), min_length=1)
    methods: tuple[MethodName, ...] = Field(default=STUDENT_METHODS, min_length=1)
    own_methods: dict[OwnName, str] = {}
    seed: int = Field(default=42, ge=0, lt=2**32)
    data: Data = Data()
    teacher: Teacher = Teacher()
    train: Training = Training()
    search: Search = Search()
    confirm: Confirm = Confirm()
    resources: Resources = Resources()
    trackers: Trackers = Trackers()

    @field_validator("depths", "methods", "tasks", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        """Reads ``3`` and ``6,3`` as lists, as the command line writes them."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",")]
        return (
            [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else value
        )

    @field_validator("depths", "methods", "tasks")
    @classmethod
    def _each_once(cls, values: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        if len(set(values)) < len(values):
            raise ValueError(f"`{info.field_name}` names {_twice(values)!r} twice")
        return values

    @field_validator("tasks")
    @classmethod
    def _expanded(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        # Recorded as single tasks, so that a study of one task may grow into the whole group.
        return expand_groups(names)

    @model_validator(mode="after")
    def _consistent(self) -> "StudyConfig":
        if TEACHER in self.methods:
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
                "`train.init` is teacher and `train.model` is given, but students start from one "
                "model: leave one of them out"
            )
        start = self.train.start_layers
        for depth in self.depths:
            if isinstance(start, dict) and depth not in start:
                raise ValueError(
                    f"`train.start_layers` has no list for depth {depth}, but needs one for each "
                    f"of `depths` ({', '.join(map(str, self.depths))})"
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
                    f"{_LARGEST_GRID:,}: give fewer choices, or set `search.algorithm` to tpe"
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
