"""Models with some of another model's layers: configuration and weights."""

from collections.abc import Sequence

import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel

from pkd.errors import InputError


def keep_in_config(config: PretrainedConfig, layers: Sequence[int]) -> None:
    """Changes a configuration into that of a model with some of its layers.

    Args:
        config: changed in place.
        layers: the layers to keep, see `pkd.models.start_layers.start_layers`.
    """
    config.num_hidden_layers = len(layers)
    if getattr(config, "layer_types", None):  # ModernBERT names the kind of each layer
        config.layer_types = [config.layer_types[layer - 1] for layer in layers]


@torch.no_grad()
def copy_layers(source: PreTrainedModel, target: PreTrainedModel, layers: Sequence[int]) -> None:
    """Copies the weights of some of a model's layers into another model.

    Args:
        source: the deeper model.
        target: a model of the same family and sizes; changed in place.
        layers: the layer of the source for each layer of the target, 1-based.
    """
    whole = _layers_of(source)
    for layer, number in zip(_layers_of(target), layers, strict=True):
        origin = whole[number - 1].state_dict()
        # By the target's names: the first layer of a ModernBERT lacks a norm that the others have.
        layer.load_state_dict({name: origin[name] for name in layer.state_dict()})


def _layers_of(model: PreTrainedModel) -> nn.ModuleList:
    """Returns the transformer layers, which every family keeps in one list of its encoder."""
    lists = [each for each in model.base_model.modules() if isinstance(each, nn.ModuleList)]
    if len(lists) != 1 or len(lists[0]) != model.config.num_hidden_layers:
        raise InputError(
            f"cannot copy layers of a {model.config.model_type}: its encoder must keep its "
            f"{model.config.num_hidden_layers} layers in one list, but has lists of "
            f"{[len(each) for each in lists]}"
        )
    return lists[0]
