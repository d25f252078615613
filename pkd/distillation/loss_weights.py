"""The weights of the terms of the loss. This module loads without torch."""

from dataclasses import dataclass
from typing import Literal

Scale = Literal["released", "paper"]


@dataclass(frozen=True)
class LossWeights:
    """Weights of the three terms: ``(1 - alpha) · CE + alpha · soft + beta · patience``.

    Attributes:
        alpha: share of the soft targets, 0 … 1. 0 is plain fine-tuning.
        beta: weight of the patience loss, >= 0. 0 is vanilla KD.
        temperature: T > 0 of the softened distributions, for teacher and student alike.
        normalize: whether hidden states are scaled to length 1 first (the paper's equation; the
            released code searched both).
        scale: which of the two scales ``alpha`` and ``beta`` are meant in.
    """

    alpha: float = 0.0
    beta: float = 0.0
    temperature: float = 1.0
    normalize: bool = True
    scale: Scale = "released"
