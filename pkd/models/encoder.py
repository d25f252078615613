"""Configuration, depth and size of a saved model."""

from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PretrainedConfig,
)

from pkd.errors import InputError, shown
from pkd.files.cache import folder_digest
from pkd.models.families import family_of
from pkd.models.loading import explained_loading
from pkd.models.model_folder import check_settings

_MOST_LAYERS = 1000  # a typing error in config.json must not build modules for hours

# Parameters and modules of an encoder that are embeddings.
_EMBEDDINGS = frozenset("embeddings mask_emb word_embedding wpe wte".split())
_UNLIMITED = 1 << 20  # tokens


def load_encoder_config(folder: Path) -> PretrainedConfig:
    """Reads a model's configuration and refuses families that are not supported.

    Raises:
        InputError: if the folder holds no model, or one of a family that is not supported.
    """
    path = folder / "config.json"
    check_settings(folder)
    with explained_loading(f"the model in {folder}"):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    try:
        family = family_of(config)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from None
    for key, value in family.settings.items():
        setattr(config, key, value)
    _refuse_other_reading(config, path)
    if config.pad_token_id is None:  # GPT-2's rows end with its end-of-text token
        config.pad_token_id = config.eos_token_id
    if not 1 <= config.num_hidden_layers <= _MOST_LAYERS:
        raise InputError(
            f"{path} names {config.num_hidden_layers} layers, but a model has 1..{_MOST_LAYERS}"
        )
    return config


def _refuse_other_reading(config: PretrainedConfig, path: Path) -> None:
    """Refuses settings by which the classifier would not read what `summary_of` says."""
    if getattr(config, "is_decoder", False):
        raise InputError(
            f"{path} says `is_decoder`: then [CLS] sees no word that follows it, and a classifier "
            "learns nothing. Set it to false if the model was trained as an encoder"
        )
    if config.model_type == "xlnet" and config.summary_type != "last":
        raise InputError(
            f"{path}: `summary_type` is {shown(config.summary_type)}, but must be 'last': [CLS] "
            "stands at the end of a row of XLNet"
        )


def longest_input(config: PretrainedConfig) -> int:
    """Returns the length of the longest input in tokens: 512 for BERT and RoBERTa."""
    positions = int(config.max_position_embeddings)
    if positions < 1:  # XLNet counts distances, not positions
        return _UNLIMITED
    if family_of(config).offset:
        return positions - int(config.pad_token_id) - 1
    return positions


def parameter_counts(config: PretrainedConfig) -> dict[str, int]:
    """Counts the parameters of an encoder without its classifier, as the paper's Table 4 does.

    Returns:
        ``embeddings``, ``layers``, ``pooler`` (0 where the family has none) and ``total``.
    """
    with torch.device("meta"):
        # As in `load_classifier`, whatever dtype and attention the file names.
        model = AutoModelForSequenceClassification.from_config(
            config, dtype=torch.float32, attn_implementation="eager"
        )
    parts = {"embeddings": 0, "layers": 0, "pooler": 0}
    for name, parameter in model.base_model.named_parameters():
        part = name.split(".")[0]
        key = "embeddings" if part in _EMBEDDINGS else part if part in parts else "layers"
        parts[key] += parameter.numel()
    return parts | {"total": sum(parts.values())}


def weights_digest(folder: Path) -> str:
    """Returns a digest of all files of a model: weights, configuration and tokenizer."""
    return folder_digest(folder)


def depth_of(model: Path) -> int:
    """Returns the number of transformer layers of a saved model."""
    return int(load_encoder_config(model).num_hidden_layers)
