"""Configuration, tokenizer, depth and size of a saved model."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from pkd.errors import InputError
from pkd.files.cache import folder_digest
from pkd.models.families import FAMILIES, family_of

_MOST_LAYERS = 1000  # a typing error in config.json must not build modules for hours

# Parameters and modules of an encoder that are embeddings.
_EMBEDDINGS = frozenset("embeddings mask_emb word_embedding wpe wte".split())
_UNLIMITED = 1 << 20  # tokens


def load_encoder_config(folder: Path) -> PretrainedConfig:
    """Reads a model's configuration and refuses families that are not supported.

    Raises:
        InputError: if the folder holds no model, or one of a family that is not supported.
    """
    _refuse_code(folder / "config.json")
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # transformers and its parsers raise a dozen types
        raise InputError(f"transformers cannot load the model in {folder}: {error}") from None
    try:
        family = family_of(config)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from None
    for key, value in family.settings.items():
        setattr(config, key, value)
    if config.pad_token_id is None:  # GPT-2's rows end with its end-of-text token
        config.pad_token_id = config.eos_token_id
    if not 1 <= config.num_hidden_layers <= _MOST_LAYERS:
        raise InputError(
            f"{folder / 'config.json'} names {config.num_hidden_layers} layers, but a model has "
            f"1..{_MOST_LAYERS}"
        )
    return config


def _refuse_code(settings: Path) -> None:
    """Refuses a model that brings its own Python code.

    Otherwise transformers would ask whether to run it, or silently use another class.
    """
    try:
        content = json.loads(settings.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return  # transformers reports what is wrong
    if isinstance(content, dict) and content.get("auto_map"):
        raise InputError(
            f"{settings} asks for Python code that comes with the model (`auto_map`); such code "
            "is never run. Choose a model of one of these families: " + ", ".join(sorted(FAMILIES))
        )


def longest_input(config: PretrainedConfig) -> int:
    """Returns the length of the longest input in tokens: 512 for BERT and RoBERTa."""
    positions = int(config.max_position_embeddings)
    if positions < 1:  # XLNet counts distances, not positions
        return _UNLIMITED
    if family_of(config).offset:
        return positions - int(config.pad_token_id) - 1
    return positions


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Loads a model's tokenizer and lets it pad on the side that the model needs.

    Raises:
        InputError: if the folder holds none, or one that cannot be used.
    """
    if not any((folder / name).exists() for name in ("tokenizer.json", "vocab.txt", "vocab.json")):
        raise InputError(
            f"{folder} has no tokenizer (tokenizer.json or vocab.txt); save it there with "
            "`tokenizer.save_pretrained`"
        )
    _refuse_code(folder / "tokenizer_config.json")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        tokenizer("a b")
    except Exception as error:  # tokenizers raises even a bare Exception
        raise InputError(f"cannot load the tokenizer in {folder}: {error}") from None
    tokenizer.padding_side = family_of(load_encoder_config(folder)).pads
    if tokenizer.pad_token_id is None and tokenizer.eos_token is not None:
        tokenizer.pad_token = tokenizer.eos_token  # GPT-2
    if tokenizer.pad_token_id is None:
        raise InputError(
            f"the tokenizer in {folder} has no padding token: set one and save it there again"
        )
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise InputError(f"the tokenizer in {folder} knows no words; save it there again")
    return tokenizer


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


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silences loading reports and progress bars; the caller checks what was loaded."""
    level = transformers_logging.get_verbosity()
    bars: Any = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()


def depth_of(model: Path) -> int:
    """Returns the number of transformer layers of a saved model."""
    return int(load_encoder_config(model).num_hidden_layers)
