"""Folders that hold no whole model with readable weights, and unusual ones that do."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from pkd.errors import InputError
from pkd.models.classifier import load_as_deployed, load_classifier
from pkd.models.encoder import load_encoder_config
from pkd.models.model_folder import check_model_folder, check_settings
from pkd.models.tokenizer import load_tokenizer

LABELS = ("no", "yes")
Change = Callable[[Path], object]
Weights = dict[str, torch.Tensor]


def weights(change: Callable[[Weights], Weights]) -> Change:
    def apply(folder: Path) -> None:
        path = folder / "model.safetensors"
        save_file(change(load_file(path)), path, metadata={"format": "pt"})

    return apply


def as_type(kind: torch.dtype) -> Change:
    return weights(lambda t: {k: v.to(kind) if "dense" in k else v for k, v in t.items()})


def beside(name: str, content: str = "{}") -> Change:
    return lambda folder: (folder / name).write_text(content)


def renamed(name: str) -> Change:
    return lambda folder: (folder / "model.safetensors").rename(folder / name)


def parts(folder: Path) -> None:
    """Writes the weights in two parts, as large models are stored."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = {key: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, key in enumerate(tensors)}
    for name in set(names.values()):
        part = {key: tensor for key, tensor in tensors.items() if names[key] == name}
        save_file(part, folder / name, metadata={"format": "pt"})
    index = {"metadata": {"total_size": 1}, "weight_map": names}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def parts_but(change: Change) -> Change:
    def apply(folder: Path) -> None:
        parts(folder)
        change(folder)

    return apply


FIRST, INDEX = "model-00001-of-00002.safetensors", "model.safetensors.index.json"
OUTSIDE = json.dumps({"weight_map": {"x": "../other.safetensors"}})
REFUSED: dict[str, tuple[Change, str]] = {
    "adapter beside": (beside("adapter_config.json"), "holds an adapter .*merge_and_unload"),
    "no config": (lambda f: (f / "config.json").unlink(), "it has no config.json"),
    "a link leads nowhere": (
        lambda f: (renamed("gone")(f), (f / "model.safetensors").symlink_to("x")),
        "model.safetensors is a link that leads nowhere: copy or",
    ),
    "a folder of weights": (
        lambda f: (renamed("gone")(f), (f / "model.safetensors").mkdir()),
        "model.safetensors: it is a folder",
    ),
    "pickle": (renamed("pytorch_model.bin"), "no weights in safetensors form .*can run code"),
    "variant": (renamed("model.fp16.safetensors"), r"weights in model\.fp16\.safetensors, but"),
    "ONNX": (renamed("model.onnx"), "no weights in safetensors form"),
    "LFS": (beside("model.safetensors", "version https://git-lfs.g"), "Git LFS pointer.*lfs pull"),
    "a part lacks": (parts_but(lambda f: (f / FIRST).unlink()), f"lacks {FIRST}, which its model"),
    "no index": (parts_but(lambda f: (f / INDEX).unlink()), "or copy the index too"),
    "torn index": (parts_but(beside(INDEX, '{"weight')), "its model.safetensors.index.json is da"),
    "an index of a list": (parts_but(beside(INDEX, "[]")), "index.json is damaged"),
    "an index leads out": (parts_but(beside(INDEX, OUTSIDE)), "in the same folder only"),
    **{
        str(kind): (as_type(kind), rf"quantised \(.*\.dense\.weight is of type {name}\)")
        for kind, name in (
            (torch.int8, "I8"),
            (torch.uint8, "U8"),
            (torch.int32, "I32"),
            (torch.float8_e4m3fn, "F8_E4M3"),
        )
    },
    "GPTQ": (weights(lambda t: {**t, "a.qweight": torch.ones(2).int()}), r"quantised \(a\.qweig"),
    "bitsandbytes": (weights(lambda t: {**t, "a.SCB": torch.ones(2)}), r"quantised \(a\.SCB"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_folder_without_readable_weights_is_refused(
    encoder: Path, tmp_path: Path, case: str
) -> None:
    folder = Path(shutil.copytree(encoder, tmp_path / "own"))
    change, message = REFUSED[case]
    change(folder)
    with pytest.raises(InputError, match=f"own.*{message}"):
        check_model_folder(folder)


def masks(tensors: Weights) -> Weights:
    """Adds the numbers that old checkpoints have beside their weights."""
    return {**tensors, "embeddings.position_ids": torch.arange(32), "a.bias": torch.ones(2).byte()}


@pytest.mark.parametrize(
    "change",
    [parts, *map(as_type, (torch.float16, torch.bfloat16, torch.float64)), weights(masks)],
    ids=["parts", "fp16", "bf16", "fp64", "masks"],
)
def test_other_forms_of_the_same_weights_are_used(
    encoder: Path, tmp_path: Path, change: Change
) -> None:
    folder = Path(shutil.copytree(encoder, tmp_path / "own"))
    change(folder)
    check_model_folder(folder)
    found, expected = (load_classifier(each, LABELS).state_dict() for each in (folder, encoder))
    assert found.keys() == expected.keys()
    for name, weight in found.items():
        torch.testing.assert_close(weight, expected[name], rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(
    "method", [{"quant_method": name} for name in ("bitsandbytes", "gptq", "awq", "fp8")], ids=str
)
def test_a_configuration_of_quantised_weights_is_refused(
    encoder: Path, tmp_path: Path, method: dict[str, Any]
) -> None:
    folder = Path(shutil.copytree(encoder, tmp_path / "own"))
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | {"quantization_config": method}))
    for load in (load_encoder_config, load_tokenizer, lambda path: load_classifier(path, LABELS)):
        with pytest.raises(InputError, match=f"quantised .*{method['quant_method']}.*dequantize"):
            load(folder)


KERNEL = r"`\w+` is 'somebody/kernel', but must be one that transformers ships: eager, flash_att"
ELSEWHERE = "it would put other files or layers in the place of the model's. Delete the key"
SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "kernel": ({"attn_implementation": "somebody/kernel"}, KERNEL),
    "private key": ({"_attn_implementation": "somebody/kernel"}, KERNEL),
    "internal key": ({"_attn_implementation_internal": "somebody/kernel"}, KERNEL),
    "experts": ({"experts_implementation": "somebody/kernel"}, KERNEL),
    "for each part": ({"attn_implementation": {"": "eager", "x": "somebody/kernel"}}, KERNEL),
    "of a part": ({"text_config": [{"attn_implementation": "somebody/kernel"}]}, KERNEL),
    "unknown": ({"attn_implementation": "eagre"}, "is 'eagre', but must be one"),
    "a number": ({"attn_implementation": 3}, "is 3, but must be one"),
    "code": (
        {"auto_map": {"AutoConfig": "evil.Evil"}},
        r"code .*\(`auto_map`\).*never run",
    ),
    "a pipeline": ({"custom_pipelines": {"x": {"impl": "evil.X"}}}, "Python code .*never run"),
    "another file": ({"configuration_files": ["config.4.0.0.json"]}, ELSEWHERE),
    "other weights": ({"transformers_weights": "other.safetensors"}, ELSEWHERE),
    "kernels": ({"use_kernels": True}, ELSEWHERE),
    "fused": ({"fusion_config": {"patch_embeddings": True}}, ELSEWHERE),
    "layers": ({"per_layer_config": {"0": {"hidden_size": 2}}}, ELSEWHERE),
    "dtype": ({"dtype": "load"}, "`dtype` is 'load', but must be one of auto, bfloat16"),
    "old dtype": ({"torch_dtype": ["float32"]}, r"`torch_dtype` is \['float32'\], but must be"),
}


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("case", SETTINGS)
def test_settings_that_lead_elsewhere_are_refused(tmp_path: Path, case: str, name: str) -> None:
    keys, message = SETTINGS[case]
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / name).write_text(json.dumps(keys))
    with pytest.raises(InputError, match=f"{name}.*{message}"):
        check_settings(tmp_path)


@pytest.mark.parametrize("attention", ["eager", "sdpa", "flash_attention_2", "flex_attention"])
def test_attention_that_transformers_ships_may_be_named_and_is_chosen_anew(
    teacher: Path, tmp_path: Path, attention: str
) -> None:
    folder = Path(shutil.copytree(teacher, tmp_path / "own"))
    settings = json.loads((folder / "config.json").read_text())
    named = settings | {"attn_implementation": attention, "dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(named))
    assert load_as_deployed(folder).config._attn_implementation == "sdpa"


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "chat_template.jinja"])
@pytest.mark.parametrize("load", [load_encoder_config, load_tokenizer, check_model_folder])
def test_a_pipe_or_a_device_in_a_model_folder_is_refused(
    encoder: Path, tmp_path: Path, name: str, load: Callable[[Path], object]
) -> None:
    folder = Path(shutil.copytree(encoder, tmp_path / "own"))
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with pytest.raises(InputError, match=f"{name}: it is a pipe or a device"):
        load(folder)
    (folder / name).unlink()
    (folder / name).symlink_to("/dev/zero")
    with pytest.raises(InputError, match=f"{name}: it is a pipe or a device"):
        load(folder)


def test_a_settings_file_that_is_far_too_large_is_not_read(encoder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(encoder, tmp_path / "own"))
    os.truncate(folder / "tokenizer.json", 2**40)  # sparse
    with pytest.raises(InputError, match="tokenizer.json has 1,099,511,627,776 bytes, but"):
        load_tokenizer(folder)
