"""The search space: ranges, choices and fixed values, each with its limits."""

import math
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)


class Section(BaseModel):
    """A group of keys; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Range(Section):
    """A continuous range ``{low: …, high: …, log: …}``; ``log`` samples on a logarithmic scale."""

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


def as_list(value: Any) -> Any:
    # YAML 1.1 reads 5e-5 as text. Text that is not a number is refused as an element.
    return [value] if isinstance(value, (int, float, bool, str)) else value


def _kind(value: Any) -> str:
    return "range" if isinstance(value, (dict, Range)) else "choices"


def _limit(allowed: Callable[[float], bool], words: str) -> AfterValidator:
    def check(dimension: "Range | tuple[float, ...]") -> "Range | tuple[float, ...]":
        values = dimension.values() if isinstance(dimension, Range) else dimension
        for value in values:
            if not (math.isfinite(value) and allowed(value)):
                which = f" ({value:g} is not)" if len(values) > 1 else ""
                raise ValueError(f"must be {words}{which}")
        return dimension

    return AfterValidator(check)


Choices = Annotated[tuple[float, ...], BeforeValidator(as_list), Field(min_length=1)]
Switches = Annotated[tuple[bool, ...], BeforeValidator(as_list), Field(min_length=1)]
# Told apart by their form, so that an error message is about the form that the user wrote.
Dimension = Annotated[
    Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")], Discriminator(_kind)
]
LearningRates = Annotated[Dimension, _limit(lambda v: 0 < v < 1, "between 0 and 1")]
Temperatures = Annotated[Dimension, _limit(lambda v: v > 0, "> 0 and finite")]
Alphas = Annotated[Dimension, _limit(lambda v: 0 <= v <= 1, "between 0 and 1")]
Betas = Annotated[Dimension, _limit(lambda v: v >= 0, ">= 0 and finite")]


class Space(Section):
    """The hyperparameters that are searched: choices in a list, a range, or one fixed value.

    Attributes:
        learning_rate: peak learning rate, between 0 and 1 (both excluded).
        temperature: temperature of the softmax in the distillation loss, above 0.
        alpha: weight of the distillation loss against the loss on the labels, between 0 and 1.
        beta: weight of the patience loss, 0 or above, in the scale of ``train.scale``.
        normalize: whether the patience loss normalises states to length 1 before it compares them.
    """

    learning_rate: LearningRates = (5e-5, 2e-5, 1e-5)
    temperature: Temperatures = (5.0, 10.0, 20.0)
    alpha: Alphas = (0.2, 0.5, 0.7)
    beta: Betas = (10.0, 100.0, 500.0, 1000.0)
    normalize: Switches = (True, False)
