"""What a model folder must hold, looked at before transformers loads it."""

import json
from pathlib import Path
from typing import Any

from safetensors import safe_open

from pkd.errors import InputError, listed, shown
from pkd.models.families import FAMILIES

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
_FLOATS = ("F64", "F32", "F16", "BF16")
# Parts that quantised layers have beside their weights, or in their place.
_QUANTISED = ("qweight", "weight_packed", "weight_scale", "SCB", "absmax", "quant_map")
_LFS = b"version https://git-lfs"


def check_model_folder(folder: Path) -> None:
    """Refuses a folder that does not hold a whole model with readable weights.

    Raises:
        InputError: with the reason, and what to do.
    """
    if (folder / "adapter_config.json").exists():
        raise InputError(
            f"{folder} holds an adapter (adapter_config.json), which changes another model and is "
            "no whole one: merge it with `merge_and_unload()` of peft, save the result with "
            "`save_pretrained`, and give that folder"
        )
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder} is not a model folder: it has no config.json")
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
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
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
    with path.open("rb") as file:
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


def refuse_code(settings: Path) -> None:
    """Refuses a model that brings its own Python code.

    Otherwise transformers would ask whether to run it, or silently use another class.

    Args:
        settings: ``config.json`` or ``tokenizer_config.json``.

    Raises:
        InputError: if it names such code.
    """
    if read_settings(settings).get("auto_map"):
        raise InputError(
            f"{settings} asks for Python code that comes with the model (`auto_map`); such code "
            "is never run. Choose a model of one of these families: " + ", ".join(sorted(FAMILIES))
        )


def read_settings(path: Path) -> dict[str, Any]:
    """Returns the content of a JSON file; nothing if it is damaged, which transformers reports."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
