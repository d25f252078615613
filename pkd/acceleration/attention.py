"""Attention for training on a CPU, in the precision of the matrix products.

Under autocast, a mask in fp32 turns everything between the two products into fp32: scores, softmax
and dropout, each of batch × heads × tokens × tokens; the second product converts them back. With
the mask in the precision of the scores, steps with 67 tokens a row take 5 to 7 % less time
(docs/measurements/performance.md). In fp32, results are the same bit for bit.
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
    """Computes scaled dot-product attention, one kernel after another.

    Args:
        module: its training mode decides whether dropout is on.
        query: (batch, heads, queries, head size).
        key: (batch, heads, tokens, head size).
        value: (batch, heads, tokens, head size).
        attention_mask: added to the scores, broadcast to (batch, heads, queries, tokens).
        scaling: factor of the scores.
        dropout: probability with which an attention weight is zeroed.

    Returns:
        The mixed values, (batch, queries, heads, head size), and the attention weights.
    """
    scores = torch.matmul(query, key.transpose(2, 3)).mul_(scaling)
    if attention_mask is not None:
        # The lowest number of fp32 is -inf in bf16.
        lowest = torch.finfo(scores.dtype).min
        scores.add_(attention_mask.clamp(min=lowest).to(scores.dtype))
    weights = F.dropout(F.softmax(scores, dim=-1), p=dropout, training=module.training)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights


AttentionInterface.register(_NAME, attention)
AttentionMaskInterface.register(_NAME, eager_mask)


def attend_in_scores_precision(model: PreTrainedModel, device: torch.device) -> PreTrainedModel:
    """Makes a model that is trained on a CPU use `attention`.

    Models without BERT's layers do not change, nor do models on a GPU, which has faster kernels.

    Args:
        model: changed in place; what is saved of it stays the same.
        device: the device that it is trained on.

    Returns:
        The model.
    """
    if device.type == "cpu" and family_of(model.config).bert_layers:
        model.set_attn_implementation(_NAME)
    return model
