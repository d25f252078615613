"""Training with the embeddings of only those words that occur.

A task uses a third of a vocabulary, but the optimiser updates all of it at every step; in a
student of three layers these are two thirds of the weights. A word that never occurs never gets a
gradient: AdamW only decays its embedding, by a known factor. It is left out of training, and put
back with that decay when the model is saved. The saved weights are the same, for less work.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from pkd.data.tokens import TokenArrays


class UsedWords(nn.Embedding):
    """Embeddings of some words, looked up by their ids in the whole vocabulary.

    Args:
        whole: the embeddings of all words.
        used: (words,) the ids of the words to keep.
    """

    def __init__(self, whole: nn.Embedding, used: Tensor) -> None:
        row = torch.full((whole.num_embeddings,), -1, dtype=torch.int64)
        row[used] = torch.arange(len(used))
        padding = whole.padding_idx
        super().__init__(
            len(used),
            whole.embedding_dim,
            padding_idx=None if padding is None else int(row[padding]),
            _weight=whole.weight.detach()[used].clone(),
        )
        self._whole, self._used = whole.weight.detach(), used
        self.row: Tensor
        self.register_buffer("row", row, persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        """Returns the embeddings, (…, hidden), of ids, (…,)."""
        return super().forward(self.row[input])

    def whole_weight(self, decay: float) -> Tensor:
        """Returns all embeddings, on the CPU; those of unused words are scaled by ``decay``."""
        weight = self._whole * decay
        weight[self._used] = self.weight.detach().to(weight)
        return weight


def keep_used_words(model: PreTrainedModel, splits: Iterable[TokenArrays]) -> None:
    """Drops the embeddings of all tokens that do not occur in some splits.

    Args:
        model: on the CPU; changed in place.
        splits: all rows that the model will read.
    """
    whole = model.get_input_embeddings()
    if type(whole) is not nn.Embedding or whole.max_norm is not None or whole.scale_grad_by_freq:
        return
    occurs = torch.zeros(whole.num_embeddings, dtype=torch.bool)
    for split in splits:
        occurs[split.ids.long().cpu()] = True
        occurs[split.pad_id] = True
    if whole.padding_idx is not None:
        occurs[whole.padding_idx] = True
    model.set_input_embeddings(UsedWords(whole, occurs.nonzero().squeeze(1)))


def whole_state_dict(model: PreTrainedModel, decay: float) -> dict[str, Tensor]:
    """Returns the weights of a model, with the embeddings of all words.

    Args:
        model: the model.
        decay: the factor by which weight decay alone has changed a weight since
            `keep_used_words`.
    """
    state: dict[str, Tensor] = model.state_dict()
    for name, module in model.named_modules():
        if isinstance(module, UsedWords):
            state[f"{name}.weight"] = module.whole_weight(decay)
    return state
