"""A classification task: its texts, labels, metrics and splits."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pkd.errors import did_you_mean, listed, shown
from pkd.files.row_parsers import Quoting
from pkd.tasks.label_names import label_key, label_name

METRICS = ("accuracy", "f1", "macro_f1", "mcc")
_OF_LABEL = "f1:"
_LARGEST_WEIGHT = 1_000_000  # a larger one is a typing error
_LONGEST_SPLIT = 100  # bytes of a name; files may have 255, with their suffixes


def label_of(metric: str) -> str | None:
    """Returns ``billing`` for the metric ``f1:billing``, and None for metrics of all labels."""
    return metric.removeprefix(_OF_LABEL) if metric.startswith(_OF_LABEL) else None


def _check_metric(metric: Any) -> Any:
    if metric in METRICS:
        return metric
    if isinstance(metric, str) and (label := label_of(metric)):
        return _OF_LABEL + (label_name(label) or label)
    # YAML reads `f1: billing`, with a space, as a mapping.
    names = ", ".join(map(repr, METRICS))
    raise ValueError(f"must be {names} or 'f1:LABEL' without a space, the F1 of one label")


def _check_weights(given: Any) -> Any:
    if given is None or given == "balanced":
        return given
    if isinstance(given, (list, tuple)) and all(
        type(weight) in (int, float) and 0 < weight <= _LARGEST_WEIGHT for weight in given
    ):
        return tuple(given)
    raise ValueError(
        f"must be 'balanced' or a list with a number for each label, above 0 and at most "
        f"{_LARGEST_WEIGHT:,}"
    )


def _as_name(label: Any) -> Any:
    if isinstance(label, str) and not label.strip():
        raise ValueError("must not be empty: rows without a label are no class of their own")
    name = label_name(label)
    return label if name is None else name


def _check_split(name: str) -> str:
    # It names files, and the metrics of a split are `<split>/<metric>`.
    if name and name.isprintable() and name[0] != "." and not set(name) & set("/\\"):
        if len(name.encode()) <= _LONGEST_SPLIT:
            return name
    raise ValueError(
        f"must name a split, which names files: 1 to {_LONGEST_SPLIT} bytes that can be seen, "
        "without / and \\, and no dot at the start"
    )


def _check_text(text: str) -> str:
    if text.encode("utf-8", "replace").decode() == text:
        return text
    raise ValueError("must not hold half of a surrogate pair, which no file can hold")


Metric = Annotated[str, BeforeValidator(_check_metric)]
Weights = Annotated[
    Literal["balanced"] | tuple[float, ...] | None, BeforeValidator(_check_weights)
]
Label = Annotated[str, BeforeValidator(_as_name), AfterValidator(_check_text)]
Split = Annotated[str, AfterValidator(_check_split)]


class Task(BaseModel):
    """A sentence or sentence-pair classification task.

    Attributes:
        name: letters, digits, ``-`` and ``_``; used in names of files and in tables.
        texts: one or two text columns.
        label: the label column. It holds the names in ``labels``, or their codes 0 … C-1 if no
            name is an integer and the names were not guessed.
        labels: label names in the order of their codes: texts, integers, or true and false. See
            `pkd.tasks.label_names` for what counts as the same name.
        metrics: ``accuracy``, ``f1`` (of label 1, binary tasks), ``f1:LABEL`` (of that label),
            ``macro_f1``, ``mcc``. Their mean on the first dev split is the score that a search
            maximises.
        train: the training split.
        dev: splits that are scored; the first one selects models. A user's task may have none:
            the dev split is then cut from the training rows and named ``validation``.
        dev_fraction: the share of the training rows, the same for each label, that becomes the
            dev split if it is cut from them.
        test: splits that are predicted and never scored.
        held_out: splits with labels on which only the final models are scored; they select
            nothing.
        unlabelled: splits without labels, or whose labels are not read: students learn the
            teacher's outputs for their rows.
        class_weights: weights of the labels in the cross-entropy: ``balanced`` (inversely
            proportional to their training rows) or a number for each; None weighs rows equally.
        files: a file for each split (tasks of users); empty for GLUE, which comes from the hub or
            from ``<data>/<task>/<split>.parquet``.
        hub: instead of ``files``, the id of a data set on the Hugging Face hub with these splits.
            Its dev split is cut from the training rows if ``dev_fraction`` is given and ``dev``
            is not.
        hub_config: a configuration of the data set; None takes its only or default one.
        quoting: ``double`` where fields of CSV and TSV files may stand in double quotes, ``none``
            where a quote is an ordinary character.
        guessed: whether columns and labels were guessed from the training file, not written.
        notes: what was found about the files and columns of a guessed task, and by
            `pkd.data.preparation.check_task` about the rows; a sentence each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)
    texts: tuple[str, ...] = Field(min_length=1, max_length=2)
    label: str = "label"
    labels: tuple[Label, ...] = Field(min_length=2)
    metrics: tuple[Metric, ...] = Field(default=("accuracy",), min_length=1)
    train: Split = "train"
    dev: tuple[Split, ...] = Field(default=("validation",), min_length=1)
    dev_fraction: float = Field(default=0.1, gt=0, lt=1)
    test: tuple[Split, ...] = ()
    held_out: tuple[Split, ...] = ()
    unlabelled: tuple[Split, ...] = ()
    class_weights: Weights = None
    files: dict[Split, Path] = {}
    hub: str | None = Field(default=None, min_length=1)
    hub_config: str | None = None
    quoting: Quoting = "double"
    guessed: bool = False
    notes: tuple[str, ...] = ()

    @property
    def own(self) -> bool:
        """Whether the task is a user's and not one of GLUE."""
        return bool(self.files or self.hub)

    @property
    def cuts_dev(self) -> bool:
        """Whether the dev split is cut from the training rows."""
        if self.hub:
            return "dev_fraction" in self.model_fields_set
        return bool(self.files) and self.dev[0] not in self.files

    @property
    def distilled(self) -> str:
        """The split of all rows with signals, see `pkd.data.preparation.Prepared`."""
        return "+".join((self.train, *self.unlabelled))

    @property
    def predicted(self) -> tuple[str, ...]:
        """The splits that the final models predict."""
        return (*self.test, *self.held_out)

    @model_validator(mode="before")
    @classmethod
    def _dev_by_its_file(cls, given: Any) -> Any:
        if isinstance(given, dict) and "dev" not in given:
            files = given.get("files")
            if isinstance(files, dict) and "dev" in files and "validation" not in files:
                return given | {"dev": ("dev",)}
        return given

    @model_validator(mode="after")
    def _consistent(self) -> "Task":
        if "f1" in self.metrics and len(self.labels) != 2:
            raise ValueError(
                f"`metrics` of task {self.name} holds f1, which is for two labels; "
                f"it has {len(self.labels)}: use macro_f1, f1:LABEL, accuracy or mcc"
            )
        for label in map(label_of, self.metrics):
            if label is not None and label not in self.labels:
                raise ValueError(
                    f"`metrics` of task {self.name} holds {shown(f'f1:{label}')}, but its "
                    "`labels` are " + listed(self.labels) + did_you_mean(label, self.labels)
                )
        self._check_labels()
        if isinstance(self.class_weights, tuple) and len(self.class_weights) != len(self.labels):
            raise ValueError(
                f"`class_weights` of task {self.name} has {len(self.class_weights)} numbers, but "
                f"must have one for each of the {len(self.labels)} labels"
            )
        if len({*self.texts, self.label}) <= len(self.texts):
            raise ValueError(f"`texts` and `label` of task {self.name} name a column twice")
        splits = (self.train, *self.dev, *self.predicted, *self.unlabelled)
        if len({*splits, self.distilled}) < len(splits) + bool(self.unlabelled):
            raise ValueError(
                f"`train`, `dev`, `test`, `held_out` and `unlabelled` of task {self.name} name a "
                "split twice"
            )
        if self.files and self.hub:
            raise ValueError(f"task {self.name} has `files` and `hub`: keep one of them")
        if self.hub_config and not self.hub:
            raise ValueError(
                f"`hub_config` of task {self.name} needs `hub`: add `hub`, or drop it"
            )
        if self.files:
            self._check_files(splits)
        has_dev = not self.cuts_dev or bool(self.hub and "dev" in self.model_fields_set)
        if "dev_fraction" in self.model_fields_set and has_dev:
            raise ValueError(
                f"`dev_fraction` of task {self.name} is for a task without a dev split: drop "
                "`dev_fraction` or the dev split"
            )
        return self

    def _check_labels(self) -> None:
        names: dict[str, str] = {}
        for name in self.labels:
            key = label_key(name)
            if key in names:
                raise ValueError(
                    f"`labels` of task {self.name} names a label twice"
                    + (
                        f": {shown(names[key])} and {shown(name)} are one label"
                        if name != names[key]
                        else ""
                    )
                )
            names[key] = name

    def _check_files(self, splits: tuple[str, ...]) -> None:
        cut = self.cuts_dev and "dev" not in self.model_fields_set
        missing = set(splits) - set(self.files) - (set(self.dev) if cut else set())
        if missing:
            split = sorted(missing)[0]
            raise ValueError(
                f"`files` of task {self.name} lacks the split {shown(split)}"
                + did_you_mean(split, set(self.files) - set(splits))
            )
        if cut and (unused := set(self.files) - set(splits)):
            # Probably the dev split under another name.
            raise ValueError(
                f"`files` of task {self.name} holds {shown(sorted(unused)[0])}, which is not "
                "named by `dev`, `test`, `held_out` or `unlabelled`: add it to one of them"
            )


# What a task file may hold.
TASK_KEYS = tuple(key for key in Task.model_fields if key not in ("guessed", "notes"))
