"""Cached signals equal a direct forward pass of the teacher, and damage is never used."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pkd.data.preparation import Prepared
from pkd.data.tokens import TokenArrays, open_tokens
from pkd.distillation.signals import build_signals, open_signals
from pkd.errors import CacheError, InputError, TrainingError
from pkd.files import cache
from pkd.models.classifier import load_classifier
from pkd.tasks.glue import GLUE

CPU = torch.device("cpu")


class Counting(torch.nn.Module):
    """A teacher that counts its forward passes."""

    def __init__(self, teacher: Path) -> None:
        super().__init__()
        self.model = load_classifier(teacher, GLUE["rte"].labels)
        self.config, self.calls = self.model.config, 0

    def forward(self, **inputs: torch.Tensor) -> object:
        self.calls += 1
        return self.model(**inputs)


@pytest.fixture
def tokens(prepared: Prepared) -> TokenArrays:
    return open_tokens(prepared.train)


def build(teacher: object, tokens: TokenArrays, root: Path, layers: tuple[int, ...] = (1, 3)):
    return build_signals(teacher, "digest", tokens, layers, root, CPU, "fp32", batch_size=16)


def test_signals_equal_a_direct_forward_of_the_teacher(
    signals: Path, teacher: Path, tokens: TokenArrays
) -> None:
    found = open_signals(signals, [1, 2, 3])
    model = load_classifier(teacher, GLUE["rte"].labels).eval()
    assert found.logits.shape == (40, 2) and found.logits.dtype == torch.float32
    for row in range(40):
        with torch.inference_mode():
            output = model(**tokens.batch(np.array([row])), output_hidden_states=True)
        index = torch.tensor([row])
        torch.testing.assert_close(found.logits_of(index), output.logits, rtol=1e-5, atol=1e-5)
        direct = torch.stack([output.hidden_states[layer][:, 0] for layer in (1, 2, 3)], dim=1)
        # fp16 keeps 11 bits: half a unit in the last place is 2^-11 of the value.
        torch.testing.assert_close(
            found.states_of(index, [1, 2, 3]), direct, rtol=2**-10, atol=1e-4
        )


def test_states_come_in_the_order_of_the_layers_and_rows_asked_for(signals: Path) -> None:
    found = open_signals(signals, [1, 2, 3])
    rows = torch.tensor([7, 0, 7])
    states = found.states_of(rows, [3, 1])
    assert states.shape == (3, 2, 16) and states.dtype == torch.float32
    assert torch.equal(states[0], states[2]) and not torch.equal(states[0], states[1])
    assert torch.equal(states[:, 0], found.states[3][[7, 0, 7]].float())
    assert torch.equal(states[:, 1], found.states[1][[7, 0, 7]].float())
    assert torch.equal(found.logits_of(rows), found.logits[[7, 0, 7]])


def test_only_the_layers_asked_for_are_opened(signals: Path) -> None:
    assert list(open_signals(signals, [2]).states) == [2]
    assert open_signals(signals).states == {}


def test_a_layer_that_is_not_cached_is_refused(signals: Path) -> None:
    with pytest.raises(InputError, match="no states of teacher layer 4"):
        open_signals(signals, [1, 4])


def test_a_second_build_does_not_ask_the_teacher(
    teacher: Path, tokens: TokenArrays, tmp_path: Path
) -> None:
    asked = Counting(teacher)
    folder = build(asked, tokens, tmp_path)
    # 40 rows in batches of 16.
    assert asked.calls == 3
    assert build(asked, tokens, tmp_path, layers=(3, 1)) == folder
    assert asked.calls == 3
    assert build(asked, tokens, tmp_path, layers=(1, 2)) != folder
    assert asked.calls == 6


def test_another_teacher_other_tokens_or_precision_have_their_own_folder(
    prepared: Prepared, teacher: Path, tokens: TokenArrays, tmp_path: Path
) -> None:
    model = load_classifier(teacher, GLUE["rte"].labels)
    dev = open_tokens(prepared.tokens["validation"])
    folders = {
        build_signals(model, digest, rows, [1], tmp_path, CPU, precision)
        for digest, rows, precision in (
            ("one", tokens, "fp32"),
            ("two", tokens, "fp32"),
            ("one", dev, "fp32"),
            ("one", tokens, "bf16"),
        )
    }
    assert len(folders) == 4


def test_the_teacher_is_asked_without_dropout(
    teacher: Path, tokens: TokenArrays, tmp_path: Path
) -> None:
    model = load_classifier(teacher, GLUE["rte"].labels).train()
    assert model.config.hidden_dropout_prob == 0.1
    one = open_signals(build(model, tokens, tmp_path / "1")).logits
    model.train()
    two = open_signals(build(model, tokens, tmp_path / "2")).logits
    assert torch.equal(one, two)


def test_progress_counts_the_rows(teacher: Path, tokens: TokenArrays, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    model = load_classifier(teacher, GLUE["rte"].labels)
    build_signals(
        model, "d", tokens, [], tmp_path, CPU, "fp32", 16, lambda done, of: seen.append((done, of))
    )
    assert seen == [(16, 40), (32, 40), (40, 40)]


def flip_byte(folder: Path) -> None:
    content = bytearray((folder / "layer-01.npy").read_bytes())
    content[-1] ^= 1
    (folder / "layer-01.npy").write_bytes(content)


def truncate(folder: Path) -> None:
    path = folder / "logits.npy"
    path.write_bytes(path.read_bytes()[:-4])


def drop_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (flip_byte, "layer-01.npy is damaged"),
        (truncate, "logits.npy is missing or has the wrong size"),
        (drop_manifest, "no readable manifest"),
    ],
)
def test_damaged_signals_are_refused_and_built_again(
    teacher: Path, tokens: TokenArrays, tmp_path: Path, new_process: None, damage, message: str
) -> None:
    asked = Counting(teacher)
    folder = build(asked, tokens, tmp_path / "root")
    shutil.copytree(folder, tmp_path / "good")
    cache._verified.clear()
    damage(folder)
    with pytest.raises(CacheError, match=message):
        open_signals(folder, [1])
    assert build(asked, tokens, tmp_path / "root") == folder
    assert asked.calls == 6
    again, good = open_signals(folder, [1]), open_signals(tmp_path / "good", [1])
    assert torch.equal(again.logits, good.logits)
    assert torch.equal(again.states[1], good.states[1])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_diverged_teacher_is_refused_and_leaves_no_signals(
    teacher: Path, tokens: TokenArrays, tmp_path: Path, value: float
) -> None:
    model = load_classifier(teacher, GLUE["rte"].labels)
    torch.nn.init.constant_(model.classifier.bias, value)
    with pytest.raises(TrainingError, match="logits are not finite"):
        build(model, tokens, tmp_path)
    assert not list(tmp_path.glob("*/manifest.json"))


def test_states_beyond_fp16_are_refused(
    teacher: Path, tokens: TokenArrays, tmp_path: Path
) -> None:
    model = load_classifier(teacher, GLUE["rte"].labels)
    torch.nn.init.constant_(model.bert.encoder.layer[0].output.LayerNorm.bias, 70000.0)
    with pytest.raises(TrainingError, match="not finite in fp16"):
        build(model, tokens, tmp_path)
