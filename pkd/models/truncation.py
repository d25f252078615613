"""A model of some of another model's layers: its configuration and its weights."""

from collections.abc import Sequence

import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel


def keep_in_config(config: PretrainedConfig, layers: Sequence[int]) -> None:
    """Changes a configuration into that of a model with some of the layers.

    Args:
        config: changed in place.
        layers: from `pkd.models.start_layers.start_layers`.
    """
    config.num_hidden_layers = len(layers)
    if getattr(config, "layer_types", None):  # ModernBERT names the kind of each
        config.layer_types = [config.layer_types[layer - 1] for layer in layers]


@torch.no_grad()
def copy_layers(source: PreTrainedModel, target: PreTrainedModel, layers: Sequence[int]) -> None:
    """Makes each layer of a model the one of another model, bit for bit.

    Args:
        source: the deeper model.
        target: of the same family and sizes; changed in place.
        layers: for each layer of the target the source's, 1-based.
    """
    whole = _layers_of(source)
    for layer, number in zip(_layers_of(target), layers, strict=True):
        origin = whole[number - 1].state_dict()
        # By the target's names: the first layer of a ModernBERT lacks a norm that others have.
        layer.load_state_dict({name: origin[name] for name in layer.state_dict()})


def _layers_of(model: PreTrainedModel) -> nn.ModuleList:
    """The transformer layers: every family holds them in its encoder's one list."""
    (layers,) = (
        module for module in model.base_model.modules() if isinstance(module, nn.ModuleList)
    )
    assert len(layers) == model.config.num_hidden_layers
    return layers
