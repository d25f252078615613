"""The weights of a saved model: which of them are a head, and whether all are finite numbers."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel

from pkd.errors import InputError
from pkd.models.encoder import load_encoder_config
from pkd.models.loading import explained_loading
from pkd.models.model_folder import stored_types, weight_files
from pkd.models.task_settings import label_names

# What transformers puts on an encoder to classify its rows.
HEAD = frozenset(
    "classifier head logits_proj pooler pre_classifier score sequence_summary".split()
)
# Those of them that compute the logits; pre-trained models have some of the others.
_OUTPUTS = frozenset("classifier logits_proj score".split())


def has_head(folder: Path) -> bool:
    """Returns whether the weights in a model folder include a layer that computes logits."""
    with explained_loading(f"the model in {folder}"):
        names = [name for path in weight_files(folder) for name in stored_types(path)]
    return any(name.split(".")[0] in _OUTPUTS for name in names)


def without_head(folder: Path) -> dict[str, Tensor]:
    """Returns the weights in the folder of a classifier, except those of its head."""
    with explained_loading(f"the model in {folder}"):
        return {
            name: weight
            for path in weight_files(folder)
            for name, weight in load_file(path).items()
            if name.split(".")[0] not in HEAD
        }


def earlier_labels(folder: Path, config: PretrainedConfig) -> tuple[str, ...]:
    """Returns the labels of the head that a model brings; none if it brings no head.

    Args:
        folder: of the model.
        config: as its config.json has it.
    """
    return label_names(config) if has_head(folder) else ()


def head_is_left_out(folder: Path, labels: tuple[str, ...]) -> bool:
    """Returns whether a model brings a head for other labels than a task's."""
    return earlier_labels(folder, load_encoder_config(folder)) not in ((), labels)


def describe_head(folder: Path, labels: tuple[str, ...], task: str) -> str | None:
    """Returns a sentence about the head that a model brings; None if it brings none.

    Args:
        folder: of the model that a training starts from.
        labels: the task's labels.
        task: its name.
    """
    earlier = earlier_labels(folder, load_encoder_config(folder))
    if not earlier:
        return None
    if earlier == labels:
        return (
            f"{folder} is a classifier with the labels of {task}: training goes on from its head"
        )
    return (
        f"{folder} is a classifier with other labels ({', '.join(earlier)}): its head is left "
        f"out, and {task} gets a new one"
    )


def check_finite(model: PreTrainedModel, folder: Path) -> None:
    """Refuses a model with weights that are NaN or infinite.

    Raises:
        InputError: naming one of them.
    """
    for name, weight in model.named_parameters():
        if not torch.isfinite(weight).all():
            raise InputError(
                f"the weights in {folder} are not all finite numbers: {name} holds NaN or "
                "infinity, so the training that wrote them diverged. Give an earlier checkpoint "
                "of it, or another model"
            )
