"""The weights of a training on a GPU, joined in one tensor: fp32, converted once a step.

Under autocast, one kernel converts each weight to bf16 and another one its gradient back; layer
norms and residual sums run in fp32; the gradient norm and the optimiser handle a hundred tensors.
Here one kernel converts all weights of the layers and one kernel all their gradients, and the
operations between the matrix products run in bf16 too. Embeddings stay in fp32, because torch adds
up the gradients of a repeated word in the precision of the weights.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from transformers import PreTrainedModel

from pkd.training.optimizer import Piece, decays, pieces_of


class MasterWeights:
    """Runs a model in a given type, with gradients for joined fp32 weights.

    Args:
        model: has a module ``embeddings``. Its other weights become views of the joined tensors,
            so that the model itself, and what is saved of it, is always up to date.
        dtype: the type that the layers compute in.

    Attributes:
        pieces: the tensors to optimise: two for the layers, one for each embedding.
    """

    def __init__(self, model: PreTrainedModel, dtype: torch.dtype) -> None:
        self._model, self._dtype = model, dtype
        base: Any = model.base_model
        self._embeddings: nn.Module = base.embeddings
        apart = set(self._embeddings.parameters())
        named = dict(model.named_parameters())
        layers = {name: weight for name, weight in named.items() if weight not in apart}
        self._joined = [
            _joined({name: w for name, w in layers.items() if decays(name, w) is decay}, decay)
            for decay in (True, False)
        ]
        outside = {name: weight for name, weight in named.items() if weight in apart}
        self.pieces = [*self._joined, *pieces_of(outside)]

    def __call__(self, **inputs: Any) -> Any:
        """Runs the model on its inputs, in the given type."""
        weights: dict[str, Tensor] = {}
        for piece in self._joined:
            weights |= piece.views(piece.parameter.to(self._dtype))
        with self._embeddings.register_forward_hook(self._converted):
            return functional_call(self._model, weights, kwargs=inputs)

    def _converted(self, _module: nn.Module, _inputs: Any, states: Tensor) -> Tensor:
        return states.to(self._dtype)


def _joined(named: dict[str, nn.Parameter], decay: bool) -> Piece:
    """Joins weights into one tensor; they become views of it."""
    flat = nn.Parameter(torch.cat([weight.detach().flatten() for weight in named.values()]))
    piece = Piece(flat, {name: weight.shape for name, weight in named.items()}, decay)
    for name, view in piece.views(flat.detach()).items():
        named[name].data = view
    return piece
