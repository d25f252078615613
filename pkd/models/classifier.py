"""Teachers and students: sequence classifiers of any depth, and their tokenizers."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoModelForSequenceClassification,
    PreTrainedModel,
)

from pkd.errors import InputError
from pkd.files.atomic import explained_full_disk
from pkd.models.encoder import load_encoder_config, load_tokenizer, quiet_transformers
from pkd.models.start_layers import start_layers
from pkd.models.truncation import copy_layers, keep_in_config

# The types in which the weights of a deployed model may be stored.
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

# Weights that may be missing in a checkpoint: fine-tuning starts them from random values.
_HEAD_PARTS = frozenset(
    "classifier head logits_proj pooler pre_classifier score sequence_summary".split()
)


def load_classifier(
    folder: Path,
    labels: Sequence[str],
    layers: int | Sequence[int] | None = None,
    seed: int = 0,
    fine_tuned: bool = False,
) -> PreTrainedModel:
    """Loads a classifier: a teacher with all layers, or a student with some of them.

    Args:
        folder: a pre-trained encoder (the paper's start of students) or a fine-tuned classifier.
        labels: label names; their number is the number of classes.
        layers: keep the first `layers` transformer layers, or those with these numbers (1-based,
            increasing, see `pkd.models.start_layers.start_layers`); None keeps all.
        seed: of the weights that the checkpoint lacks (classifier, sometimes pooler). The state
            of the global generators does not change.
        fine_tuned: refuse a checkpoint that lacks any weights.

    Raises:
        InputError: if the folder holds no such model, or its weights do not cover the layers.
    """
    config = load_encoder_config(folder)
    if isinstance(layers, int):
        layers = start_layers("first", config.num_hidden_layers, layers)
    if layers is not None:
        keep_in_config(config, layers)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: code for code, label in enumerate(labels)}
    with torch.random.fork_rng(), quiet_transformers():
        torch.manual_seed(seed)
        try:
            model, report = AutoModelForSequenceClassification.from_pretrained(
                folder,
                config=config,
                output_loading_info=True,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.float32,
                # Dropout inside SDPA has no fast kernel on CPUs: eager is 10 % faster there.
                # With None transformers takes the fastest that the family has.
                attn_implementation=None if torch.cuda.is_available() else "eager",
            )
        except Exception as error:  # safetensors, torch and transformers raise a dozen types
            if "mismatched" in str(error):  # the text refers to a report that is not shown
                error = ValueError("config.json names other sizes than the weights have")
            raise InputError(f"cannot load the model in {folder}: {error}") from None
    lacking = [
        key
        for key in report["missing_keys"]
        if fine_tuned or not any(part in _HEAD_PARTS for part in key.split("."))
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
        InputError: if the folder holds no such model.
    """
    with quiet_transformers():
        try:
            model = AutoModelForSequenceClassification.from_pretrained(
                folder,
                dtype=DTYPES[precision],
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
            )
        except Exception as error:  # safetensors and transformers raise a dozen types
            raise InputError(f"cannot load the model in {folder}: {error}") from None
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
