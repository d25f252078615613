"""What differs between families of encoders, as a table of facts.

The patience loss compares the state that a classifier reads. The paper's BERT reads its first
token; other families read the last one, or the mean of all.
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
    """One family, by transformers' `model_type`.

    Attributes:
        summary: the token whose state the classifier reads; None where the configuration says it
            (``classifier_pooling``).
        pads: the side on which rows are filled up.
        offset: whether positions are counted from behind the padding token's id.
        settings: of the configuration: what a classifier does not need is switched off.
        bert_layers: whether its layers are BERT's, module by module: shortcuts are written for
            those.
    """

    summary: Summary | None = "first"
    pads: Literal["left", "right"] = "right"
    offset: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    bert_layers: bool = False


FAMILIES: dict[str, Family] = {
    "bert": Family(bert_layers=True),
    "camembert": Family(offset=True, bert_layers=True),
    "deberta": Family(),
    "deberta-v2": Family(),  # v3 too
    "distilbert": Family(),
    "electra": Family(bert_layers=True),
    "gpt2": Family("last", settings={"use_cache": False}),
    "modernbert": Family(None),
    "mpnet": Family(offset=True),
    "roberta": Family(offset=True, bert_layers=True),
    "xlm-roberta": Family(offset=True, bert_layers=True),
    # Its classifier reads the last position, so padding goes to the front.
    "xlnet": Family("last", pads="left", settings={"use_mems_eval": False}),
}

REFUSED = {
    "albert": "all of its layers share one set of weights, so a student with fewer layers is no "
    "smaller",
}


def family_of(config: PretrainedConfig) -> Family:
    """The facts of a model's family.

    Raises:
        InputError: if the family is not supported, with the reason.
    """
    name = config.model_type
    if name in FAMILIES:
        return FAMILIES[name]
    reason = REFUSED.get(name, "where its summary token sits is not known here")
    raise InputError(
        f"model family {name!r} is not supported: {reason}. Supported: "
        f"{', '.join(sorted(FAMILIES))}"
    )


def summary_of(config: PretrainedConfig) -> Summary:
    """Which token's state the classifier of a model reads."""
    family = family_of(config)
    if family.summary is not None:
        return family.summary
    return "mean" if config.classifier_pooling == "mean" else "first"


def summary_states(
    summary: Summary, hidden_states: Sequence[Tensor], layers: Sequence[int], mask: Tensor
) -> Tensor:
    """Picks the state that a classifier reads (the paper's [CLS]) of some layers.

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
