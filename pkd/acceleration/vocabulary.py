"""Word embeddings of the words that occur.

A task uses a third of a vocabulary, but the optimiser passes over all of it at every step; of a
student with three layers it is two thirds of the weights. A word that never occurs never gets a
gradient: AdamW only lets its embedding decay, by a factor that is known. So it is left out of
training and put back, decayed, when the model is saved: the same weights for less work.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from pkd.data.tokens import TokenArrays


class UsedWords(nn.Embedding):
    """Embeddings of some of the words; ids are those of the whole vocabulary.

    Args:
        whole: all embeddings.
        used: (words,) the ids that may be asked for.
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
        """(…,) ids to (…, hidden)."""
        return super().forward(self.row[input])

    def whole_weight(self, decay: float) -> Tensor:
        """All embeddings, on the CPU; those without a row are what they were, times ``decay``."""
        weight = self._whole * decay
        weight[self._used] = self.weight.detach().to(weight)
        return weight


def keep_used_words(model: PreTrainedModel, splits: Iterable[TokenArrays]) -> None:
    """Leaves a model with the embeddings of the tokens that occur in some splits.

    Args:
        model: on the CPU; changed in place.
        splits: everything that the model will be given.
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
    """The weights of a model with the embeddings of all words.

    Args:
        model: the model.
        decay: what weight decay alone has left of a weight since `keep_used_words`.
    """
    state: dict[str, Tensor] = model.state_dict()
    for name, module in model.named_modules():
        if isinstance(module, UsedWords):
            state[f"{name}.weight"] = module.whole_weight(decay)
    return state
