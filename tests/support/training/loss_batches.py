"""Random batches for the losses."""

import torch
from torch import Tensor

from pkd.distillation.losses import (
    Scale,
)

SCALES: tuple[Scale, ...] = ("released", "paper")


def batch(seed: int, rows: int = 5, classes: int = 3, pairs: int = 2, hidden: int = 4) -> dict:
    """Random tensors of one batch; the student's ask for gradients."""
    made = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=made) * 2

    return {
        "student_logits": normal(rows, classes).requires_grad_(),
        "labels": torch.randint(classes, (rows,), generator=made),
        "teacher_logits": normal(rows, classes),
        "student_states": normal(rows, pairs, hidden).requires_grad_(),
        "teacher_states": normal(rows, pairs, hidden),
    }
