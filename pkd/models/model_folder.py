"""What a model folder must hold, looked at before transformers loads it."""

import json
import re
from pathlib import Path
from typing import Any

from safetensors import safe_open

from pkd.errors import InputError, listed, shown
from pkd.files.text_file import check_regular, open_file, read_file
from pkd.models.families import FAMILIES

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
ADAPTER = "adapter_config.json"
# What transformers parses as a whole; the largest tokenizers have some 40 MB.
_TEXTS = (".jinja", ".json", ".model", ".txt")
_MOST_BYTES = 500_000_000
# Keys of the settings. They name Python code;
_CODE = ("auto_map", "custom_pipelines")
# other files, or parts that replace the model's own;
_ELSEWHERE = (
    *("configuration_files", "distributed_config", "fusion_config", "kernel_config"),
    *("per_layer_config", "transformers_weights", "use_kernels"),
)
# the code of an operation: of these by transformers itself, any other comes from the hub;
_IMPLEMENTATION = re.compile(r"_?\w+_implementation(_internal)?")
_SHIPPED = (None, "eager", "flash_attention_2", "flash_attention_3", "flex_attention", "sdpa")
# the type of the weights.
_DTYPES = (None, "auto", "bfloat16", "float16", "float32", "float64")
_FLOATS = ("F64", "F32", "F16", "BF16")
# Parts that quantised layers have beside their weights, or in their place.
_QUANTISED = ("qweight", "weight_packed", "weight_scale", "SCB", "absmax", "quant_map")
_LFS = b"version https://git-lfs"


def check_model_folder(folder: Path) -> None:
    """Refuses a folder that does not hold a whole model with readable weights.

    Raises:
        InputError: with the reason, and what to do.
    """
    check_settings(folder)
    for path in weight_files(folder):
        _refuse_unreadable(path)


def weight_files(folder: Path) -> list[Path]:
    """Returns the files of a model's weights: one, or those that its index names.

    Raises:
        InputError: if the folder has no weights in safetensors form, or lacks some.
    """
    if (folder / WEIGHTS).exists():
        return [folder / WEIGHTS]
    if (folder / INDEX).exists():
        return _shards(folder)
    others = sorted(path.name for path in folder.glob("*.safetensors"))
    if others:
        raise InputError(
            f"{folder} has weights in {listed(others, 3)}, but they are read from {WEIGHTS}, or "
            f"from the parts that {INDEX} names: rename the file of a whole model, or copy "
            "the index too"
        )
    raise InputError(
        f"{folder} has no weights in safetensors form ({WEIGHTS}); pickled weights "
        "(pytorch_model.bin) are not read, because they can run code. If you trust them, convert "
        "them: load the model with its class of transformers (`architectures` in config.json) and "
        "save it with `save_pretrained`"
    )


def _shards(folder: Path) -> list[Path]:
    try:
        index = json.loads(read_file(folder / INDEX))
        names = sorted({str(name) for name in index["weight_map"].values()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"cannot load the model in {folder}: its {INDEX} is damaged ({error})"
        ) from None
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise InputError(
                f"cannot load the model in {folder}: its {INDEX} names the file {shown(name)}, "
                "but weights are read from *.safetensors in the same folder only"
            )
        if not (folder / name).exists():
            raise InputError(
                f"{folder} lacks {name}, which its {INDEX} names: copy or download all "
                f"{len(names)} files of the weights"
            )
    return [folder / name for name in names]


def _refuse_unreadable(path: Path) -> None:
    with open_file(path) as file:
        start = file.read(len(_LFS))
    if start == _LFS:
        raise InputError(
            f"{path} is a Git LFS pointer, not the weights: run `git lfs pull` in its folder"
        )
    try:
        kinds = stored_types(path)
    except Exception:  # a damaged file, of many types: loading it reports what is wrong
        return
    for name, kind in kinds.items():
        part = name.rpartition(".")[2]
        if part in _QUANTISED or (part == "weight" and kind not in _FLOATS):
            raise quantised(path, f"{name} is of type {kind}")


def stored_types(path: Path) -> dict[str, str]:
    """Returns the type of each tensor of a safetensors file, e.g. ``F32``, by its name."""
    with safe_open(path, "pt") as stored:
        return {name: stored.get_slice(name).get_dtype() for name in stored.keys()}


def quantised(path: Path, sign: str) -> InputError:
    """Returns the error for a model whose weights are quantised.

    Args:
        path: the file that says so.
        sign: what it says.
    """
    return InputError(
        f"{path}: the weights are quantised ({sign}); they cannot be trained, nor cut into "
        "students. Give the model that they were made from, or save it again after `dequantize()`"
    )


def check_settings(folder: Path) -> None:
    """Refuses a folder whose files make transformers run, fetch or read something else.

    Every configuration and tokenizer is loaded after this check.

    Raises:
        InputError: naming the file, the key and what is allowed.
    """
    if not (folder / "config.json").exists():
        raise InputError(f"{folder} is not a model folder: it has no config.json")
    for path in (*folder.glob("*"), *folder.glob("additional_chat_templates/*")):
        _refuse_other_kinds(path)
    if (folder / ADAPTER).exists():
        raise InputError(
            f"{folder} holds an adapter ({ADAPTER}), which changes another model and is "
            "no whole one: merge it with `merge_and_unload()` of peft, save the result with "
            "`save_pretrained`, and give that folder"
        )
    for path in (folder / "config.json", folder / "tokenizer_config.json"):
        _check_keys(path, read_settings(path))


def _refuse_other_kinds(path: Path) -> None:
    """Refuses a pipe, a device, a folder in the place of a file, and a text that is too large."""
    if path.suffix in (*_TEXTS, ".safetensors"):
        if path.is_symlink() and not path.exists():
            raise InputError(
                f"{path} is a link that leads nowhere: copy or download the model again"
            )
    elif not path.exists() or path.is_dir():
        return
    check_regular(path)
    if path.suffix in _TEXTS and (size := path.stat().st_size) > _MOST_BYTES:
        raise InputError(
            f"{path} has {size:,} bytes, but a file of this name has at most {_MOST_BYTES:,}: "
            "copy the model's own file again"
        )


def _check_keys(path: Path, settings: dict[str, Any]) -> None:
    for key in _CODE:
        if settings.get(key):
            raise InputError(
                f"{path} asks for Python code that comes with the model (`{key}`); such code is "
                "never run. Choose a model of one of these families: " + listed(sorted(FAMILIES))
            )
    for key in _ELSEWHERE:
        if settings.get(key):
            raise InputError(
                f"{path}: `{key}` is {shown(settings[key])}; it would put other files or layers "
                "in the place of the model's. Delete the key, and give the model in config.json, "
                f"{WEIGHTS} and its tokenizer's files"
            )
    if (method := settings.get("quantization_config")) is not None:
        raise quantised(path, f"`quantization_config`: {shown(method)}")
    for key in ("dtype", "torch_dtype"):
        if (dtype := settings.get(key)) not in _DTYPES:
            raise InputError(
                f"{path}: `{key}` is {shown(dtype)}, but must be one of "
                f"{', '.join(filter(None, _DTYPES))}"
            )
    _check_implementations(path, settings)


def _check_implementations(path: Path, settings: Any) -> None:
    """Refuses kernels of the hub: transformers would fetch and run them."""
    if isinstance(settings, list):
        for each in settings:
            _check_implementations(path, each)
    elif isinstance(settings, dict):
        for key, value in settings.items():
            if _IMPLEMENTATION.fullmatch(key):
                for name in value.values() if isinstance(value, dict) else [value]:
                    if name not in _SHIPPED:
                        raise InputError(
                            f"{path}: `{key}` is {shown(name)}, but must be one that transformers "
                            f"ships: {', '.join(filter(None, _SHIPPED))}. Code from elsewhere is "
                            "never run; delete the key"
                        )
            else:
                _check_implementations(path, value)


def read_settings(path: Path) -> dict[str, Any]:
    """Returns the content of a JSON file; nothing if it is damaged, which transformers reports."""
    try:
        content = json.loads(read_file(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
