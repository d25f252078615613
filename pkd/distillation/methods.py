"""The methods that a study compares: one entry each, for training, tables, plots and exports.

A method of your own is one more entry: add it to `METHODS`, or name it in a configuration
(``own_methods``, see ``docs/extend.md``). This module loads without torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator

from pkd.distillation.layer_map import STRATEGIES, LayerStrategy
from pkd.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from pkd.distillation.losses import Loss

TEACHER = "teacher"
SEARCHABLE = ("learning_rate", "temperature", "alpha", "beta", "normalize")


@dataclass(frozen=True)
class Method:
    """How a model learns, what is searched for it, and how it is shown.

    Attributes:
        label: its name in tables and plots.
        hyperparameters: what a study searches and records for it, out of
            `SEARCHABLE`. A loss weight (``alpha``, ``beta``) that is not among them is 0.
        uses_logits: whether it learns from the teacher's logits.
        layer_strategy: gives the teacher layer that each student layer imitates, see
            `pkd.distillation.layer_map.layer_map`; None for a method that compares no states.
        strategy_label: the name of that rule in the plot of layer strategies.
        loss: what it minimises; None for the paper's
            `pkd.distillation.losses.distillation_loss`.
        baselines: methods that the headline of a report compares it with.
        colour: of its marks in plots, ``#rrggbb``.
        marker: its mark in plots, a marker of matplotlib.

    Raises:
        InputError: if a hyperparameter is unknown or lacks what it weighs.
    """

    label: str
    hyperparameters: tuple[str, ...] = ("learning_rate",)
    uses_logits: bool = False
    layer_strategy: LayerStrategy | None = None
    strategy_label: str = ""
    loss: "Loss | None" = None
    baselines: tuple[str, ...] = ()
    colour: str = "#CC79A7"
    marker: str = "D"

    def __post_init__(self) -> None:
        unknown = [name for name in self.hyperparameters if name not in SEARCHABLE]
        if unknown:
            raise InputError(
                f"the method {self.label} has the hyperparameter {unknown[0]!r}, but a study "
                f"searches {', '.join(SEARCHABLE)}"
            )
        if "alpha" in self.hyperparameters and not self.uses_logits:
            raise InputError(
                f"the method {self.label} has `alpha`, which weighs the teacher's logits: set "
                "`uses_logits`"
            )
        if "beta" in self.hyperparameters and self.layer_strategy is None:
            raise InputError(
                f"the method {self.label} has `beta`, which weighs the patience loss: give it a "
                "`layer_strategy`"
            )

    def to_record(self) -> dict[str, Any]:
        """What a study records of a user's method: all that its report needs."""
        return {
            "label": self.label,
            "hyperparameters": list(self.hyperparameters),
            "uses_logits": self.uses_logits,
            "pairs_layers": self.layer_strategy is not None,
            "strategy_label": self.strategy_label,
            "baselines": list(self.baselines),
            "colour": self.colour,
            "marker": self.marker,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Method":
        """The method that `to_record` described: it can be shown, but not trained."""
        return cls(
            label=record["label"],
            hyperparameters=tuple(record["hyperparameters"]),
            uses_logits=record["uses_logits"],
            layer_strategy=_not_recorded if record["pairs_layers"] else None,
            strategy_label=record["strategy_label"],
            baselines=tuple(record["baselines"]),
            colour=record["colour"],
            marker=record["marker"],
        )

    @property
    def is_recorded(self) -> bool:
        """Whether it comes from the record of a study, which holds no code."""
        return self.layer_strategy is _not_recorded

    @property
    def needs_teacher(self) -> bool:
        """Whether it learns from a teacher's signals."""
        return self.uses_logits or self.layer_strategy is not None

    @property
    def extends_kd(self) -> bool:
        """Whether it searches all that vanilla KD does, and more."""
        return set(METHODS["kd"].hyperparameters) < set(self.hyperparameters)


def _not_recorded(teacher_layers: int, student_layers: int) -> tuple[int, ...]:
    raise InputError(
        "this method is known from the record of a study, which holds no code: name it in "
        "`own_methods` to train it"
    )


# Colours are from the palette of Okabe and Ito, which stays distinct for the colour-blind. The two
# PKD variants, compared most often, have its strongest contrast; the markers serve grey print.
METHODS: dict[str, Method] = {
    TEACHER: Method("Teacher", colour="#000000", marker="*"),
    "ft": Method("FT", colour="#888888", marker="o"),
    "kd": Method(
        "KD",
        ("learning_rate", "temperature", "alpha"),
        uses_logits=True,
        baselines=("ft",),
        colour="#E69F00",
        marker="s",
    ),
    "pkd-skip": Method(
        "PKD-Skip",
        SEARCHABLE,
        uses_logits=True,
        layer_strategy=STRATEGIES["skip"],
        strategy_label="skip",
        baselines=("kd", "pkd-last"),
        colour="#0072B2",
        marker="^",
    ),
    "pkd-last": Method(
        "PKD-Last",
        SEARCHABLE,
        uses_logits=True,
        layer_strategy=STRATEGIES["last"],
        strategy_label="last",
        baselines=("kd",),
        colour="#D55E00",
        marker="v",
    ),
}
STUDENT_METHODS = tuple(name for name in METHODS if name != TEACHER)


def _known(name: str) -> str:
    if name not in METHODS:
        names = list(METHODS)
        raise ValueError(
            f"must be {', '.join(map(repr, names[:-1]))} or {names[-1]!r}, or a method "
            f"of your own (`own_methods`, `pkd.register_method`){did_you_mean(name, names)}"
        )
    return name


MethodName = Annotated[str, AfterValidator(_known)]
