"""Everything that decides the outcome of one training, besides its files."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    ModelWrapValidatorHandler,
    Tag,
    ValidationError,
    model_validator,
)

from pkd.distillation.layer_map import LayerStrategy, layer_map
from pkd.distillation.loss_weights import LossWeights, Scale
from pkd.distillation.methods import METHODS, Method, MethodName
from pkd.errors import InputError, did_you_mean
from pkd.runtime.validation import problems_of

LARGEST_COUNT = 1_000_000  # of epochs, trials, …: more is a slip, and its arithmetic overflows
# Told apart by their form, so that an error message is about the form that the user wrote.
_StartLayers = Annotated[
    Annotated[Literal["first", "spaced"], Tag("by_name")]
    | Annotated[tuple[int, ...], Tag("by_number")],
    Discriminator(lambda value: "by_name" if isinstance(value, str) else "by_number"),
]


class Recipe(BaseModel):
    """One training run: the method, its hyperparameters and the schedule.

    Attributes:
        method: a name in `pkd.distillation.methods.METHODS`: ``teacher`` and ``ft`` learn from
            labels alone, ``kd`` also from soft targets, ``pkd-skip`` and ``pkd-last`` also from
            the teacher's [CLS] states.
        layers: number of transformer layers to train; None keeps the checkpoint's.
        start_layers: which of the checkpoint's layers they start as, see
            `pkd.models.start_layers.start_layers`.
        learning_rate: peak of the schedule.
        temperature: T > 0 of the soft targets.
        alpha: share of the soft targets, 0 … 1.
        beta: weight of the patience loss, >= 0.
        normalize: whether the patience loss compares directions only.
        scale: scale of alpha and beta, see `pkd.distillation.losses`.
        layer_map: explicit teacher layers instead of the method's own map.
        epochs: passes over the training rows.
        batch_size: rows a step.
        warmup: share of the steps with a rising learning rate; then it falls linearly to 0.
        weight_decay: AdamW's, not applied to biases and LayerNorm weights.
        max_grad_norm: gradients are clipped to this norm.
        precision: ``auto`` takes bf16 autocast wherever the hardware has it natively.
        seed: decides the new weights, the order of the rows and the dropout.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    method: MethodName = "ft"
    layers: int | None = Field(default=None, ge=1)
    start_layers: _StartLayers = "first"
    learning_rate: float = Field(default=5e-5, gt=0, lt=1)
    temperature: float = Field(default=10.0, gt=0)
    alpha: float = Field(default=0.5, ge=0, le=1)
    beta: float = Field(default=100.0, ge=0)
    normalize: bool = True
    scale: Scale = "released"
    layer_map: tuple[int, ...] | None = None
    epochs: int = Field(default=4, ge=1, le=LARGEST_COUNT)
    batch_size: int = Field(default=32, ge=1, le=LARGEST_COUNT)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    seed: int = Field(default=0, ge=0, lt=2**63)

    @property
    def entry(self) -> Method:
        """The method's entry in `pkd.distillation.methods.METHODS`."""
        return METHODS[self.method]

    @property
    def layer_strategy(self) -> LayerStrategy | tuple[int, ...] | None:
        """What `pkd.distillation.layer_map.layer_map` takes; None for a method without pairs."""
        if self.entry.layer_strategy is None:
            return None
        return self.layer_map or self.entry.layer_strategy

    @property
    def needs_logits(self) -> bool:
        """Whether the loss reads the teacher's logits: not with a weight of 0."""
        weighed = "alpha" in self.entry.hyperparameters
        return self.entry.uses_logits and (not weighed or self.alpha > 0)

    @property
    def needs_states(self) -> bool:
        """Whether the loss reads hidden states: not with a weight of 0."""
        weighed = "beta" in self.entry.hyperparameters
        return self.layer_strategy is not None and (not weighed or self.beta > 0)

    def teacher_map(self, teacher_layers: int | None, student_layers: int) -> tuple[int, ...]:
        """Returns the teacher layers that student layers 1 … k-1 are compared with.

        Args:
            teacher_layers: depth of the teacher; None where it is not known.
            student_layers: depth k of the student.

        Returns:
            1-based layer numbers; () for a method that compares no states.

        Raises:
            InputError: if the method compares states and the teacher's depth is not known, or if
                the layer map does not fit the depths.
        """
        if self.layer_strategy is None:
            return ()
        if teacher_layers is None:
            raise InputError(
                f"the method {self.method} compares layers with the teacher's, so "
                "`teacher_layers` must be given"
            )
        return layer_map(self.layer_strategy, teacher_layers, student_layers)

    @property
    def loss_weights(self) -> LossWeights:
        """The loss weights with the terms that the method lacks switched off."""
        uses = self.entry.hyperparameters
        return LossWeights(
            alpha=self.alpha if "alpha" in uses else 0.0,
            beta=self.beta if "beta" in uses else 0.0,
            temperature=self.temperature,
            normalize=self.normalize,
            scale=self.scale,
        )

    @classmethod
    def checked(cls, **values: Any) -> "Recipe":
        """Builds a recipe from user input, as ``Recipe(**values)`` does.

        Raises:
            InputError: one message that names every wrong key, its value and what is allowed.
        """
        return cls(**values)

    @model_validator(mode="wrap")
    @classmethod
    def _explained(cls, values: Any, handler: ModelWrapValidatorHandler["Recipe"]) -> "Recipe":
        try:
            return handler(values)
        except ValidationError as error:
            fields = cls.model_fields
            lines = [
                line
                if key.split(".")[0] in fields
                else f"unknown key `{key}`{did_you_mean(key, fields)} (valid: {', '.join(fields)})"
                for key, line in problems_of(error, frozenset({"by_name", "by_number"}))
            ]
            raise InputError("; ".join(lines)) from None
