"""Models that cannot be used: code 2 and one message that names the folder, before training."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

Change = Callable[[Path], object]


def write(name: str, content: bytes | str) -> Change:
    raw = content.encode() if isinstance(content, str) else content
    return lambda model: (model / name).write_bytes(raw)


def edit(name: str, **changes: Any) -> Change:
    def change(model: Path) -> None:
        content = json.loads((model / name).read_text()) | changes
        (model / name).write_text(json.dumps(content))

    return change


def words(vocabulary: dict[str, int]) -> Change:
    def change(model: Path) -> None:
        content = json.loads((model / "tokenizer.json").read_text())
        content["model"]["vocab"] = vocabulary
        (model / "tokenizer.json").write_text(json.dumps(content))

    return change


def weights(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Change:
    def apply(model: Path) -> None:
        path = model / "model.safetensors"
        save_file(change(load_file(path)), path, metadata={"format": "pt"})

    return apply


def torn(name: str, keep: float) -> Change:
    def change(model: Path) -> None:
        content = (model / name).read_bytes()
        (model / name).write_bytes(content[: int(len(content) * keep)])

    return change


JSON = {
    "no JSON": "{",
    "empty": "",
    "a list": "[]",
    "a number": "3",
    "null": "null",
    "a text": '"x"',
    "binary": bytes(range(128, 200)),
    "utf-16": "{}".encode("utf-16"),
    "deep": "[" * 10**5,
}
CONFIGS: list[dict[str, Any]] = [
    *({"model_type": kind} for kind in (None, 3, "gpt2", "nope", ["bert"], "")),
    *({"num_hidden_layers": n} for n in ("four", 0, -1, None, 4.5, 6, 10**9)),
    *({"hidden_size": n} for n in ("x", 0, -3, 33, 64, 10**12)),
    *({"num_attention_heads": n} for n in (0, 3, "x")),
    *({"vocab_size": n} for n in (0, -1, 5, "x")),
    *({"max_position_embeddings": n} for n in ("many", None, 4)),
    *({"hidden_dropout_prob": n} for n in ("x", 7)),
    *({"pad_token_id": n} for n in ("x", 10**6)),
    *({"id2label": labels} for labels in ("x", [1], {"a": "b"})),
    *({"dtype": kind} for kind in ("nope", 3)),
    {"attn_implementation": "nope"},
    *({"type_vocab_size": 1}, {"hidden_act": "nope"}, {"layer_norm_eps": "x"}),
    {"num_labels": "x"},
    {"quantization_config": 3},
]  # fmt: skip
MODELS: dict[str, Change] = {
    **{f"config.json: {name}": write("config.json", content) for name, content in JSON.items()},
    **{f"config.json: {json.dumps(each)}": edit("config.json", **each) for each in CONFIGS},
    **{f"tokenizer.json: {name}": write("tokenizer.json", each) for name, each in JSON.items()},
    **{f"tokenizer_config.json: {name}": write("tokenizer_config.json", each)
       for name, each in JSON.items()},
    **{f"weights cut to {part}": torn("model.safetensors", part) for part in (0, 0.001, 0.5, 0.9)},
    "no config": lambda model: (model / "config.json").unlink(),
    "no tokenizer": lambda model: (model / "tokenizer.json").unlink(),
    "no weights": lambda model: (model / "model.safetensors").unlink(),
    "weights of another name": lambda model: (model / "model.safetensors").rename(
        model / "own.safetensors"),
    "weights are text": write("model.safetensors", "no weights here"),
    "weights are zeros": write("model.safetensors", bytes(1000)),
    "weights are a pickle": write("model.safetensors", b"\x80\x04K\x01."),
    "weights with a huge header": write("model.safetensors", b"\xff" * 8 + bytes(100)),
    "weights lack a layer": weights(lambda t: {k: v for k, v in t.items() if "layer.2" not in k}),
    "weights of another model": weights(lambda t: {"x": torch.zeros(2)}),
    "weights of another size": weights(lambda t: {k: v[:5].clone() for k, v in t.items()}),
    "no model in the tokenizer": edit("tokenizer.json", model={"type": "nope"}),
    "no words": words({}),
    "a token beyond the embeddings": words({"[UNK]": 1, "zzz": 9999}),
    "no padding": edit("tokenizer_config.json", pad_token=None),
    "padding that the weights lack": edit("tokenizer_config.json", pad_token="<new>"),
    "padding a number": edit("tokenizer_config.json", pad_token=3),
    "cut on neither side": edit("tokenizer_config.json", truncation_side="up"),
}  # fmt: skip


@pytest.mark.parametrize("case", MODELS)
def test_a_model_that_cannot_be_loaded(
    dry_run: Callable, tiny_model: Path, tmp_path: Path, case: str
) -> None:
    model = tmp_path / "own-model"
    shutil.copytree(tiny_model, model)
    MODELS[case](model)
    code, message = dry_run(f"--model={model}")
    assert code == 2 and "Traceback" not in message
    assert "own-model" in message or "gpt2" in message


def test_a_key_that_nobody_reads_may_be_anything(
    dry_run: Callable, tiny_model: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_model, tmp_path / "own-model")
    edit("config.json", own=1)(tmp_path / "own-model")
    assert dry_run(f"--model={tmp_path / 'own-model'}")[0] == 0
