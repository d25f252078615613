"""Classifiers of BERT-like families in double precision, and the outputs that training reads."""

from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel

FAMILIES = ["bert", "roberta", "electra", "camembert", "xlm-roberta"]


def classifier(family: str, **settings: Any) -> PreTrainedModel:
    sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 32, "vocab_size": 40, "max_position_embeddings": 40}
    config = AutoConfig.for_model(family, **sizes | {"initializer_range": 0.3} | settings)
    if family == "electra":
        config.embedding_size = 16
    torch.manual_seed(0)
    # In double precision, so that rounding does not hide a difference.
    return AutoModelForSequenceClassification.from_config(config).double()


def batch(rows: int = 5, width: int = 12) -> dict[str, Tensor]:
    """Rows of different lengths: the second half of the last one is padding."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 40, (rows, width), generator=generator)
    mask = torch.ones(rows, width, dtype=torch.int64)
    mask[-1, width // 2 :] = 0
    return {"input_ids": ids, "attention_mask": mask}


def outputs(model: PreTrainedModel) -> tuple[Any, dict[str, Tensor]]:
    output = model(**batch(), output_hidden_states=True)
    # What training reads: logits, and the first token's state of every layer.
    states = [state[:, 0] for state in output.hidden_states]
    loss = output.logits.square().sum() + torch.stack(states).pow(3).sum()
    loss.backward()
    gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    return output, gradients
