"""Teachers and students: sequence classifiers of any depth, and their tokenizers."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    AutoModelForSequenceClassification,
    PreTrainedModel,
)

from pkd.errors import InputError
from pkd.files.atomic import explained_full_disk
from pkd.models.encoder import load_encoder_config
from pkd.models.loading import explained_loading, quiet_transformers
from pkd.models.start_layers import start_layers
from pkd.models.stored_weights import HEAD, check_finite, earlier_labels, without_head
from pkd.models.task_settings import OUTPUTS, bind_to_task
from pkd.models.tokenizer import load_tokenizer
from pkd.models.truncation import copy_layers, keep_in_config

# The types in which the weights of a deployed model may be stored.
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def load_classifier(
    folder: Path,
    labels: Sequence[str],
    layers: int | Sequence[int] | None = None,
    seed: int = 0,
    fine_tuned: bool = False,
) -> PreTrainedModel:
    """Loads a classifier: a teacher with all layers, or a student with some of them.

    A head in the folder is used only if its labels are these, in this order. Otherwise the head
    is new, and nothing else of an earlier task is kept either; see
    `pkd.models.task_settings.bind_to_task`.

    Args:
        folder: a pre-trained encoder (the paper's start of students) or a fine-tuned classifier.
        labels: label names; their number is the number of classes.
        layers: keep the first `layers` transformer layers, or those with these numbers (1-based,
            increasing, see `pkd.models.start_layers.start_layers`); None keeps all.
        seed: of the weights that are new (classifier, sometimes pooler). The state of the global
            generators does not change.
        fine_tuned: use the head whatever its labels are called, and refuse a checkpoint that
            lacks any weights.

    Raises:
        InputError: if the folder holds no such model, its weights do not cover the layers, or
            they are not finite.
        OutOfMemory: if memory runs out.
    """
    config = load_encoder_config(folder)
    if isinstance(layers, int):
        layers = start_layers("first", config.num_hidden_layers, layers)
    if layers is not None:
        keep_in_config(config, layers)
    earlier = () if fine_tuned else earlier_labels(folder, config)
    bind_to_task(config, labels)
    source: dict[str, Any] = {"pretrained_model_name_or_path": folder, "use_safetensors": True}
    if earlier not in ((), tuple(labels)):
        source = {"pretrained_model_name_or_path": None, "state_dict": without_head(folder)}
    family: Any = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(config)]
    with torch.random.fork_rng(), explained_loading(f"the model in {folder}"):
        torch.manual_seed(seed)
        try:
            model, report = family.from_pretrained(
                **source,
                config=config,
                output_loading_info=True,
                trust_remote_code=False,
                dtype=torch.float32,
                # Dropout inside SDPA has no fast kernel on CPUs: eager is 10 % faster there.
                # With None transformers takes the fastest that the family has.
                attn_implementation=None if torch.cuda.is_available() else "eager",
            )
        except RuntimeError as error:
            if "mismatched" in str(error):  # the text refers to a report that is not shown
                raise ValueError("config.json names other sizes than the weights have") from None
            raise
        check_finite(model, folder)
    lacking = [
        key
        for key in report["missing_keys"]
        if fine_tuned or not any(part in HEAD for part in key.split("."))
    ]
    if lacking:
        raise InputError(
            f"the weights in {folder} lack {len(lacking)} parts of a "
            f"{config.model_type} of {config.num_hidden_layers} layers, e.g. {sorted(lacking)[0]}"
        )
    if layers is not None and layers[-1] > len(layers):  # the first ones were loaded
        copy_layers(load_classifier(folder, labels), model, layers)
    return model


def load_as_deployed(
    folder: Path, precision: str = "fp32", device: torch.device | str = "cpu"
) -> PreTrainedModel:
    """Loads a fine-tuned classifier for inference; transformers chooses its attention.

    Args:
        folder: a folder that ``save_pretrained`` wrote.
        precision: of weights and activations, a key of `DTYPES`.
        device: the device to load it to.

    Raises:
        InputError: if the folder holds no such model, or its weights are not whole.
    """
    config = load_encoder_config(folder)
    for key, value in OUTPUTS.items():
        setattr(config, key, value)
    with explained_loading(f"the model in {folder}"):
        model, report = AutoModelForSequenceClassification.from_pretrained(
            folder,
            config=config,
            output_loading_info=True,
            dtype=DTYPES[precision],
            # The fastest that the family has, whatever the file names.
            attn_implementation=None,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
        )
        check_finite(model, folder)
    if lacking := sorted(report["missing_keys"]):  # they would be random numbers
        raise InputError(
            f"the weights in {folder} lack {len(lacking)} parts of the {model.config.model_type} "
            f"that its config.json describes, e.g. {lacking[0]}"
        )
    return move(model, torch.device(device)).eval()


def move(model: PreTrainedModel, device: torch.device) -> PreTrainedModel:
    """Moves a model to a device."""
    nn.Module.to(model, device)
    return model


def save_model(
    model: Any,
    tokenizer_source: Path,
    folder: Path,
    weights: dict[str, torch.Tensor] | None = None,
) -> None:
    """Saves weights, configuration and tokenizer; the folder appears only when complete.

    Args:
        model: a classifier.
        tokenizer_source: folder of the model whose tokenizer is saved with it.
        folder: the folder to write; an existing one is replaced.
        weights: saved instead of the model's; see `pkd.acceleration.vocabulary.whole_state_dict`.
    """
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with explained_full_disk(folder), quiet_transformers():
        model.save_pretrained(partial, state_dict=weights)
        load_tokenizer(tokenizer_source).save_pretrained(partial)
    if folder.exists():
        shutil.rmtree(folder)
    partial.rename(folder)
