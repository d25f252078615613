"""Attention of a training on a CPU in the precision of its matrix products.

Under autocast a mask in fp32 makes everything between the two products fp32: scores, softmax and
dropout, each of batch × heads × tokens × tokens, and the second product converts them back. With
the mask in the scores' precision, steps of 67 tokens a row take 5 to 7 % less
(docs/performance.md). In fp32 results are the same bit by bit.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import eager_mask

from pkd.models.families import family_of

_NAME = "pkd_scores_precision"


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[Tensor, Tensor]:
    """Scaled dot-product attention, one kernel after another.

    Args:
        module: says whether dropout is on.
        query: (batch, heads, queries, head size).
        key: (batch, heads, tokens, head size).
        value: (batch, heads, tokens, head size).
        attention_mask: added to the scores, broadcast to (batch, heads, queries, tokens).
        scaling: factor of the scores.
        dropout: of the probabilities.

    Returns:
        (batch, queries, heads, head size) mixed values and the probabilities.
    """
    scores = torch.matmul(query, key.transpose(2, 3)).mul_(scaling)
    if attention_mask is not None:
        # The lowest number of fp32 is no number in bf16.
        lowest = torch.finfo(scores.dtype).min
        scores.add_(attention_mask.clamp(min=lowest).to(scores.dtype))
    weights = F.dropout(F.softmax(scores, dim=-1), p=dropout, training=module.training)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights


AttentionInterface.register(_NAME, attention)
AttentionMaskInterface.register(_NAME, eager_mask)


def attend_in_scores_precision(model: PreTrainedModel, device: torch.device) -> PreTrainedModel:
    """Has a model that is trained on a CPU use `attention`.

    Models of other families than BERT's are left alone; a GPU has kernels of its own.

    Args:
        model: changed in place; nothing of it is saved with the model.
        device: where it is trained.

    Returns:
        The model.
    """
    if device.type == "cpu" and family_of(model.config).bert_layers:
        model.set_attn_implementation(_NAME)
    return model
