"""Teachers and students: sequence classifiers of any depth, and their tokenizers."""

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from pkd.cache import folder_digest
from pkd.errors import DiskFull, HubUnreachable, InputError
from pkd.families import FAMILIES, family_of
from pkd.files import explained_full_disk
from pkd.keptlayers import copy_layers, keep_in_config
from pkd.layers import start_layers

_MOST_LAYERS = 1000  # where a slip in config.json would build modules for hours

# How the weights of a model in use may be stored.
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

# Weights that a fine-tuning run makes anew when the checkpoint lacks them.
_HEAD_PARTS = frozenset(
    "classifier head logits_proj pooler pre_classifier score sequence_summary".split()
)
# Parameters and modules of an encoder that are embeddings.
_EMBEDDINGS = frozenset("embeddings mask_emb word_embedding wpe wte".split())
_UNLIMITED = 1 << 20  # tokens


def fetch_model(source: str) -> Path:
    """Gives the local folder of a model, downloading it from the hub if it is a hub id.

    Raises:
        InputError: if a local folder is no model, or lacks its tokenizer.
        DiskFull: if the disk has no room for a download.
        HubUnreachable: if the hub is needed and does not answer.
    """
    if os.path.isdir(source):
        folder = Path(source).resolve()
    else:
        if os.path.isabs(source) or source.startswith(".") or os.path.exists(source):
            raise InputError(f"model folder {source} does not exist, or is no folder")
        folder = _download(source)
    if not (folder / "config.json").exists():
        raise InputError(f"{folder} is no model folder: it has no config.json")
    if not list(folder.glob("*.safetensors")):
        raise InputError(
            f"{folder} has no weights in safetensors form (*.safetensors); pickled weights are "
            "not read, because they can run code. Convert them with `save_pretrained`"
        )
    return folder


def _download(source: str) -> Path:
    from huggingface_hub import constants, snapshot_download

    wanted = ["*.json", "*.txt", "*.model", "*.safetensors"]
    try:
        with explained_full_disk(Path(constants.HF_HUB_CACHE)):
            return Path(snapshot_download(source, allow_patterns=wanted))
    except DiskFull:
        raise
    except Exception as error:  # the hub's client raises a dozen types for "no answer"
        raise HubUnreachable(
            f"cannot load the model {source} from the Hugging Face hub "
            f"({type(error).__name__}). Give a local folder with --model DIR "
            "(config.json, *.safetensors and the tokenizer's files)"
        ) from error


def load_config(folder: Path) -> PretrainedConfig:
    """Reads a model's configuration and refuses families that are not supported.

    Raises:
        InputError: naming the folder or the family.
    """
    _refuse_code(folder / "config.json")
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # transformers and its parsers raise a dozen types
        raise InputError(f"{folder} is no model that transformers can load: {error}") from None
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
    """Refuses a model that is not itself without code of its own: transformers would ask, or
    quietly take another class."""
    try:
        content = json.loads(settings.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return  # transformers says what is wrong with it
    if isinstance(content, dict) and content.get("auto_map"):
        raise InputError(
            f"{settings} asks for Python code that comes with the model (`auto_map`); such code "
            "is never run. Choose a model of one of the families that transformers has itself: "
            + ", ".join(sorted(FAMILIES))
        )


def longest_input(config: PretrainedConfig) -> int:
    """The most tokens that a model takes, special tokens included: 512 for BERT and RoBERTa."""
    positions = int(config.max_position_embeddings)
    if positions < 1:  # XLNet counts distances, not positions
        return _UNLIMITED
    if family_of(config).offset:
        return positions - int(config.pad_token_id) - 1
    return positions


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Loads the tokenizer that belongs to a model; it pads on the side that the model needs.

    Raises:
        InputError: if the folder holds none.
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
    except Exception as error:  # a bare Exception is one of those that tokenizers raises
        raise InputError(f"cannot load the tokenizer in {folder}: {error}") from None
    tokenizer.padding_side = family_of(load_config(folder)).pads
    if tokenizer.pad_token_id is None and tokenizer.eos_token is not None:
        tokenizer.pad_token = tokenizer.eos_token  # GPT-2
    if tokenizer.pad_token_id is None:
        raise InputError(f"the tokenizer in {folder} has no padding token")
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise InputError(f"the tokenizer in {folder} knows no words; save it there again")
    return tokenizer


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
        layers: keep the first so many transformer layers, or those with these numbers (1-based,
            increasing, see `pkd.layers.start_layers`); None keeps all.
        seed: draws the weights that the checkpoint lacks (classifier, perhaps pooler). The
            global generators are left as they were.
        fine_tuned: refuse a checkpoint that lacks any.

    Raises:
        InputError: if the folder is no such model, or its weights do not cover the layers.
    """
    config = load_config(folder)
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
                # None is what transformers takes for the best that the family has.
                attn_implementation=None if torch.cuda.is_available() else "eager",
            )
        except Exception as error:  # safetensors, torch and transformers raise a dozen types
            if "mismatched" in str(error):  # the text speaks of a report that nobody sees
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
    """Loads a fine-tuned classifier as a user of it would: transformers chooses the attention.

    Args:
        folder: what ``save_pretrained`` wrote.
        precision: of weights and activations, a key of `DTYPES`.
        device: where to.

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


def parameter_counts(config: PretrainedConfig) -> dict[str, int]:
    """Counts the parameters of an encoder as the paper's Table 4 does, without its classifier.

    Returns:
        ``embeddings``, ``layers``, ``pooler`` (0 where the family has none) and ``total``.
    """
    with torch.device("meta"):
        # As `load_classifier` does, whatever the file says of dtype and attention.
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
    """Identifies a model's weights and configuration by their bytes."""
    return folder_digest(folder)


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silences loading reports and progress bars; the caller checks what matters in them."""
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
    """Number of transformer layers of a saved model."""
    return int(load_config(model).num_hidden_layers)
