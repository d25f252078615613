"""AdamW as all methods and devices use it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Moments = dict[str, dict[str, Tensor]]


@dataclass(frozen=True)
class Piece:
    """A tensor that the optimiser sees, and the weights that it holds.

    Attributes:
        parameter: a weight, or several in one row.
        shapes: of the weights, by name, in their order.
        decay: whether weight decay applies.
    """

    parameter: nn.Parameter
    shapes: Mapping[str, torch.Size]
    decay: bool

    def views(self, tensor: Tensor) -> dict[str, Tensor]:
        """What of a tensor of the parameter's shape belongs to each weight."""
        parts = tensor.flatten().split([shape.numel() for shape in self.shapes.values()])
        pairs = zip(self.shapes.items(), parts, strict=True)
        return {name: part.view(shape) for (name, shape), part in pairs}


class AdamW(torch.optim.AdamW):
    """torch's AdamW, whose kernel can divide the gradients.

    Attributes:
        grad_scale: what it divides them by, of one element and on their device; None: nothing.
    """

    grad_scale: Tensor | None = None


def decays(name: str, weight: Tensor) -> bool:
    """Whether weight decay applies to a weight: to matrices, not to biases and layer norms."""
    return weight.ndim >= 2 and not name.endswith("bias")


def pieces_of(named: Mapping[str, nn.Parameter]) -> list[Piece]:
    """Every weight by itself."""
    return [Piece(p, {name: p.shape}, decays(name, p)) for name, p in named.items()]


def make_optimizer(
    pieces: Sequence[Piece], learning_rate: float, weight_decay: float, device: torch.device
) -> AdamW:
    """AdamW of some weights.

    Args:
        pieces: what is trained.
        learning_rate: the first one; see `set_learning_rate`.
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


def moments(optimizer: AdamW, pieces: Sequence[Piece]) -> Moments:
    """The optimiser's state of each weight by its name, however weights are joined."""
    found: Moments = {}
    for piece in pieces:
        for key, value in optimizer.state.get(piece.parameter, {}).items():
            whole = dict.fromkeys(piece.shapes, value)
            for name, part in (piece.views(value) if value.ndim else whole).items():
                found.setdefault(name, {})[key] = part
    return found


def load_moments(optimizer: AdamW, pieces: Sequence[Piece], saved: Moments) -> None:
    """Goes back to a state that `moments` gave, of weights that may have been joined otherwise.

    Raises:
        KeyError, RuntimeError: if it is the state of other weights.
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
