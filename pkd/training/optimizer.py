"""AdamW, the same for all methods and devices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Moments = dict[str, dict[str, Tensor]]


@dataclass(frozen=True)
class Piece:
    """A tensor that the optimiser updates, and the weights that it holds.

    Attributes:
        parameter: one weight, or several joined in one row.
        shapes: of the weights, by name, in their order.
        decay: whether weight decay applies.
    """

    parameter: nn.Parameter
    shapes: Mapping[str, torch.Size]
    decay: bool

    def views(self, tensor: Tensor) -> dict[str, Tensor]:
        """Splits a tensor of the parameter's shape into one part per weight."""
        parts = tensor.flatten().split([shape.numel() for shape in self.shapes.values()])
        pairs = zip(self.shapes.items(), parts, strict=True)
        return {name: part.view(shape) for (name, shape), part in pairs}


class AdamW(torch.optim.AdamW):
    """torch's AdamW, whose kernel can divide the gradients.

    Attributes:
        grad_scale: the divisor, one element on the device of the gradients; None for no division.
    """

    grad_scale: Tensor | None = None


def decays(name: str, weight: Tensor) -> bool:
    """Whether weight decay applies to a weight: to matrices, not to biases and layer norms."""
    return weight.ndim >= 2 and not name.endswith("bias")


def pieces_of(named: Mapping[str, nn.Parameter]) -> list[Piece]:
    """Returns one piece per weight."""
    return [Piece(p, {name: p.shape}, decays(name, p)) for name, p in named.items()]


def make_optimizer(
    pieces: Sequence[Piece], learning_rate: float, weight_decay: float, device: torch.device
) -> AdamW:
    """Returns AdamW for some weights.

    Args:
        pieces: the weights to train.
        learning_rate: of the first step; see `set_learning_rate`.
        weight_decay: per step and learning rate.
        device: where the weights are.
    """
    on_gpu = device.type == "cuda"
    return AdamW(
        [
            {
                "params": [piece.parameter for piece in pieces if piece.decay is decay],
                "weight_decay": weight_decay if decay else 0.0,
            }
            for decay in (True, False)
        ],
        # CUDA graphs replay a step, so what changes between steps must lie on the device.
        lr=torch.tensor(learning_rate, device=device) if on_gpu else learning_rate,
        fused=True,
        capturable=on_gpu,
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Sets the learning rate of the next step, in place if it is a tensor."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def moments(optimizer: AdamW, pieces: Sequence[Piece]) -> Moments:
    """Returns the optimiser's state by the names of the weights, joined or not."""
    found: Moments = {}
    for piece in pieces:
        for key, value in optimizer.state.get(piece.parameter, {}).items():
            whole = dict.fromkeys(piece.shapes, value)
            for name, part in (piece.views(value) if value.ndim else whole).items():
                found.setdefault(name, {})[key] = part
    return found


def load_moments(optimizer: AdamW, pieces: Sequence[Piece], saved: Moments) -> None:
    """Restores a state from `moments`, whose weights may have been joined differently.

    Raises:
        KeyError, RuntimeError: if the state belongs to other weights.
    """
    optimizer.state.clear()
    for piece in pieces:
        if saved.keys().isdisjoint(piece.shapes):
            continue  # its weights never had a gradient
        parts = [saved[name] for name in piece.shapes]
        state = {"step": parts[0]["step"].clone()}
        for key in ("exp_avg", "exp_avg_sq"):
            flat = torch.cat([part[key].flatten() for part in parts])
            state[key] = flat.view_as(piece.parameter)
        optimizer.state[piece.parameter] = state
