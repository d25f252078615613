"""The families of encoders that are supported, and how they differ.

The patience loss compares the state that a classifier reads. The classifier of the paper's BERT
reads the first token's state; other families read the last token's, or the mean of all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import PretrainedConfig

from pkd.errors import InputError

Summary = Literal["first", "last", "mean"]


@dataclass(frozen=True)
class Family:
    """What is special about one family.

    Attributes:
        summary: the token whose state the classifier reads; None if ``classifier_pooling`` in the
            configuration names it.
        pads: the side on which rows are padded.
        offset: whether positions start after the id of the padding token.
        settings: values for the configuration, which switch off what a classifier does not need.
        bert_layers: whether its layers have the modules of BERT's, so that the shortcuts of
            `pkd.acceleration` work.
    """

    summary: Summary | None = "first"
    pads: Literal["left", "right"] = "right"
    offset: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    bert_layers: bool = False


# By transformers' `model_type`.
FAMILIES: dict[str, Family] = {
    "bert": Family(bert_layers=True),
    "camembert": Family(offset=True, bert_layers=True),
    "deberta": Family(),
    "deberta-v2": Family(),  # and v3
    "distilbert": Family(),
    "electra": Family(bert_layers=True),
    "gpt2": Family("last", settings={"use_cache": False}),
    "modernbert": Family(None),
    "mpnet": Family(offset=True),
    "roberta": Family(offset=True, bert_layers=True),
    "xlm-roberta": Family(offset=True, bert_layers=True),
    # Its classifier reads the last position, so rows are padded on the left.
    "xlnet": Family("last", pads="left", settings={"use_mems_eval": False}),
}

REFUSED = {
    "albert": "all of its layers share one set of weights, so a student with fewer layers is no "
    "smaller",
}


def family_of(config: PretrainedConfig) -> Family:
    """Returns the family of a model.

    Raises:
        InputError: if the family is not supported.
    """
    name = config.model_type
    if name in FAMILIES:
        return FAMILIES[name]
    reason = REFUSED.get(name, "it is not known which token its classifier reads")
    raise InputError(
        f"model family {name!r} is not supported: {reason}. Supported: "
        f"{', '.join(sorted(FAMILIES))}"
    )


def summary_of(config: PretrainedConfig) -> Summary:
    """Returns which token's state the classifier of a model reads."""
    family = family_of(config)
    if family.summary is not None:
        return family.summary
    return "mean" if config.classifier_pooling == "mean" else "first"


def summary_states(
    summary: Summary, hidden_states: Sequence[Tensor], layers: Sequence[int], mask: Tensor
) -> Tensor:
    """Returns the states of some layers that correspond to the one a classifier reads ([CLS]).

    Args:
        summary: see `summary_of`.
        hidden_states: transformers' output, (batch, width, hidden) for the embedding and each
            layer.
        layers: 1-based layers.
        mask: (batch, width), 1 for tokens and 0 for padding, on either side.

    Returns:
        (batch, len(layers), hidden).
    """
    if summary == "first":
        return torch.stack([hidden_states[layer][:, 0] for layer in layers], dim=1)
    states = torch.stack([hidden_states[layer] for layer in layers], dim=1)
    if summary == "mean":
        weights = mask / mask.sum(dim=1, keepdim=True)
        return torch.einsum("blwh,bw->blh", states, weights.to(states.dtype))
    last = (mask * torch.arange(mask.shape[1], device=mask.device)).argmax(dim=1)
    return states[torch.arange(len(last), device=mask.device), :, last]
