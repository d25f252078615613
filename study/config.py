"""The configuration of a study: its keys, its limits, and error messages that name them."""

import difflib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from pkd.errors import InputError
from pkd.recipe import STUDENT_METHODS, Method, describe_errors


class Section(BaseModel):
    """A group of keys; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Range(Section):
    """A continuous search range ``{low: …, high: …, log: …}``; log spreads it evenly over
    orders of magnitude."""

    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> "Range":
        if not self.low < self.high:
            raise ValueError(f"a range needs low < high, but has low {self.low}, high {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"a log range needs low > 0, but has low {self.low}")
        return self

    def values(self) -> tuple[float, ...]:
        """The ends of the range."""
        return (self.low, self.high)


def _as_list(value: Any) -> Any:
    # YAML 1.1 reads 5e-5 as a text; what is no number is refused as an element.
    return [value] if isinstance(value, (int, float, bool, str)) else value


def _kind(value: Any) -> str:
    return "range" if isinstance(value, (dict, Range)) else "choices"


def _limit(key: str, allowed: Callable[[float], bool], words: str) -> AfterValidator:
    def check(dimension: "Range | tuple[float, ...]") -> "Range | tuple[float, ...]":
        for value in dimension.values() if isinstance(dimension, Range) else dimension:
            if not (math.isfinite(value) and allowed(value)):
                raise ValueError(f"`{key}` holds {value:g}, but must be {words}")
        return dimension

    return AfterValidator(check)


Choices = Annotated[tuple[float, ...], BeforeValidator(_as_list), Field(min_length=1)]
Switches = Annotated[tuple[bool, ...], BeforeValidator(_as_list), Field(min_length=1)]
# Told apart by their form, so that an error speaks of the one that was meant.
Dimension = Annotated[
    Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")], Discriminator(_kind)
]
LearningRates = Annotated[
    Dimension, _limit("learning_rate", lambda v: 0 < v < 1, "between 0 and 1")
]
Temperatures = Annotated[Dimension, _limit("temperature", lambda v: v > 0, "> 0 and finite")]
Alphas = Annotated[Dimension, _limit("alpha", lambda v: 0 <= v <= 1, "between 0 and 1")]
Betas = Annotated[Dimension, _limit("beta", lambda v: v >= 0, ">= 0 and finite")]


class Space(Section):
    """What is searched. A list is a set of choices, ``low``/``high`` a range, a number is fixed.

    Attributes:
        learning_rate: peak learning rate, 0 < lr < 1.
        temperature: T > 0.
        alpha: share of the soft targets, 0 … 1.
        beta: weight of the patience loss, >= 0, in ``train.scale``.
        normalize: whether the patience loss compares directions only.
    """

    learning_rate: LearningRates = (5e-5, 2e-5, 1e-5)
    temperature: Temperatures = (5.0, 10.0, 20.0)
    alpha: Alphas = (0.2, 0.5, 0.7)
    beta: Betas = (10.0, 100.0, 500.0, 1000.0)
    normalize: Switches = (True, False)


class Data(Section):
    """Attributes:
    dir: folder with ``<task>/<split>.parquet``; null loads nyu-mll/glue from the hub.
    generated: write the seven tasks with the built-in generator instead (the demo).
    max_train_rows: cap of the training rows, one number or one per task; null takes all.
    max_dev_rows: likewise for each dev split.
    """

    dir: Path | None = None
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
    """Attributes:
    model: folder or hub id of the pre-trained encoder; teachers and students start from it.
    trials: fine-tuning runs per task; the best on dev teaches.
    epochs: passes over the training rows.
    learning_rate: its search space.
    """

    model: str = "bert-base-uncased"
    trials: int = Field(default=3, ge=1)
    epochs: int = Field(default=4, ge=1)
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
    """What all students share; see `pkd.recipe.Recipe`.

    Attributes:
        init: students start from the first layers of the ``pretrained`` encoder (the paper) or
            of the fine-tuned ``teacher``.
        max_length: longest row in tokens.
    """

    epochs: int = Field(default=4, ge=1)
    batch_size: int = Field(default=32, ge=1)
    max_length: int = Field(default=128, ge=8)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    scale: Literal["released", "paper"] = "released"
    init: Literal["pretrained", "teacher"] = "pretrained"


class Asha(Section):
    """Attributes:
    grace_epochs: no trial is stopped before so many epochs.
    reduction_factor: of the trials that reach a rung, one in so many goes on.
    """

    grace_epochs: int = Field(default=1, ge=1)
    reduction_factor: float = Field(default=2, gt=1)


class Search(Section):
    """Attributes:
    algorithm: ``tpe``, ``random`` or ``grid`` (every combination of the space's choices).
    trials: per cell, the same for every method; the grid's own size for ``grid``.
    asha: early stopping; null trains every trial to its end.
    published_points: try the authors' winning settings first, where there are some for the cell
        (BERT-base only) and the space holds them.
    inherit_from_kd: PKD cells take temperature and alpha from the winner of the KD cell of the
        same task and depth, and wait for it (the authors' protocol).
    """

    algorithm: Literal["tpe", "random", "grid"] = "tpe"
    trials: int = Field(default=16, ge=1)
    asha: Asha | None = Asha()
    published_points: bool = True
    inherit_from_kd: bool = False
    space: Space = Space()


class Confirm(Section):
    """Attributes:
    seeds: fresh seeds on which each cell's winner is trained again; only these runs enter the
        tables.
    """

    seeds: int = Field(default=3, ge=1)


class Resources(Section):
    """Attributes:
    cpus_per_trial: CPU threads of a trial; null: 1, or the GPU trials' share of the CPUs.
    gpus_per_trial: GPUs of a trial, a fraction shares one; null: a quarter of a GPU if the
        cluster has any, else 0.
    max_concurrent: trials at once; null: as many as fit.
    checkpoint_every_s: seconds between a trial's checkpoints.
    """

    cpus_per_trial: float | None = Field(default=None, gt=0)
    gpus_per_trial: float | None = Field(default=None, ge=0)
    max_concurrent: int | None = Field(default=None, ge=1)
    checkpoint_every_s: float = Field(default=60, ge=0)


class StudyConfig(Section):
    """A whole study.

    Attributes:
        name: names the default output folder, ``runs/<name>``.
        tasks: GLUE tasks, ``glue`` (the paper's) or paths of task files.
        depths: student depths in layers.
        methods: what is compared.
        seed: everything random follows from it.
    """

    name: str = Field(default="study", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    tasks: tuple[str, ...] = Field(default=("glue",), min_length=1)
    depths: tuple[int, ...] = Field(default=(6, 3), min_length=1)
    methods: tuple[Method, ...] = Field(default=STUDENT_METHODS, min_length=1)
    seed: int = Field(default=42, ge=0)
    data: Data = Data()
    teacher: Teacher = Teacher()
    train: Training = Training()
    search: Search = Search()
    confirm: Confirm = Confirm()
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _consistent(self) -> "StudyConfig":
        if "teacher" in self.methods:
            raise ValueError(
                "`methods` holds 'teacher', which is always trained; choose from "
                + ", ".join(STUDENT_METHODS)
            )
        for key in ("depths", "methods", "tasks"):
            values = getattr(self, key)
            if len(set(values)) < len(values):
                raise ValueError(f"`{key}` names {_twice(values)!r} twice")
        if min(self.depths) < 1:
            raise ValueError(f"`depths` holds {min(self.depths)}, but must be >= 1")
        search = self.search
        if search.algorithm == "grid":
            for key in Space.model_fields:
                if isinstance(getattr(search.space, key), Range):
                    raise ValueError(
                        f"`search.space.{key}` is a range, but a grid needs a list of choices"
                    )
        if search.inherit_from_kd and "kd" not in self.methods:
            raise ValueError("`search.inherit_from_kd` needs 'kd' in `methods`")
        if search.asha is not None and search.asha.grace_epochs > self.train.epochs:
            raise ValueError(
                f"`search.asha.grace_epochs` is {search.asha.grace_epochs}, but must be <= "
                f"`train.epochs` ({self.train.epochs})"
            )
        return self


def load_config(path: Path | None, overrides: list[str], **values: Any) -> StudyConfig:
    """Reads a configuration file and applies what the command line changes.

    Args:
        path: YAML file; None starts from the defaults.
        overrides: ``key.sub=value`` with values in YAML, e.g. ``search.trials=8``.
        **values: dotted keys (``__`` for the dot) that options set; None leaves a key alone.

    Raises:
        InputError: one message with every problem; unknown keys with the nearest valid one.
    """
    tree = _read(path) if path is not None else {}
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key:
            raise InputError(f"--set {override!r} must have the form key=value")
        try:
            _assign(tree, key.strip(), yaml.safe_load(text))
        except yaml.YAMLError as error:
            raise InputError(f"--set {override!r}: the value is no YAML: {error}") from None
    for key, value in values.items():
        if value is not None:
            _assign(tree, key.replace("__", "."), value)
    where = str(path) if path is not None else "the configuration"
    problems = _unknown_keys(tree, StudyConfig, "")
    try:
        config = StudyConfig.model_validate(tree)
    except ValidationError as error:
        known = [e for e in describe_errors(error) if "Extra inputs are not permitted" not in e]
        problems += list(dict.fromkeys(known))
    if problems:
        raise InputError(f"{where} has {len(problems)} problem(s):\n  " + "\n  ".join(problems))
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"cannot read the configuration {path}: {error}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise InputError(f"the configuration {path} must hold keys and values, e.g. `name: demo`")
    return tree


def _assign(tree: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        child = tree.setdefault(parent, {})
        if not isinstance(child, dict):
            raise InputError(f"cannot set `{key}`: `{parent}` is {child!r}, not a group of keys")
        tree = child
    tree[last] = value


def _unknown_keys(tree: Any, section: type[BaseModel], prefix: str) -> list[str]:
    if not isinstance(tree, dict):
        return []
    problems = []
    for key, value in tree.items():
        if key not in section.model_fields:
            near = difflib.get_close_matches(str(key), list(section.model_fields), n=1, cutoff=0.5)
            hint = f"; did you mean `{prefix}{near[0]}`?" if near else ""
            valid = ", ".join(section.model_fields)
            problems.append(f"unknown key `{prefix}{key}`{hint} (valid here: {valid})")
            continue
        annotation = section.model_fields[key].annotation
        for kind in getattr(annotation, "__args__", (annotation,)):
            kind = getattr(kind, "__origin__", kind)  # of Annotated
            if isinstance(kind, type) and issubclass(kind, Section):
                problems += _unknown_keys(value, kind, f"{prefix}{key}.")
    return problems


def _twice(values: tuple[Any, ...]) -> Any:
    return next(value for value in values if values.count(value) > 1)
