"""AdamW as all methods and devices use it."""

from typing import Any

import torch
from torch import Tensor, nn


def make_optimizer(
    parameters: dict[str, nn.Parameter],
    learning_rate: float,
    weight_decay: float,
    device: torch.device,
) -> torch.optim.AdamW:
    """AdamW that decays matrices, but neither biases nor the weights of layer norms.

    Args:
        parameters: what is trained, by name.
        learning_rate: the first one; see `set_learning_rate`.
        weight_decay: per step and learning rate.
        device: where the parameters are.
    """
    decay: list[Tensor] = []
    no_decay: list[Tensor] = []
    for name, parameter in parameters.items():
        plain = parameter.ndim < 2 or name.endswith("bias")
        (no_decay if plain else decay).append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": decay, "weight_decay": weight_decay},
        {"params": no_decay, "weight_decay": 0.0},
    ]
    on_gpu = device.type == "cuda"
    return torch.optim.AdamW(
        groups,
        # On a GPU what changes from step to step has to be there: steps are recorded.
        lr=torch.tensor(learning_rate, device=device) if on_gpu else learning_rate,
        fused=True,
        capturable=on_gpu,
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Sets the rate of the next step, on the device where it is kept there."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
