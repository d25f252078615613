"""Loading of classifiers: depth, seed, and which folders are refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pkd.errors import InputError
from pkd.models.classifier import load_classifier

LABELS = ("no", "yes", "maybe")


def copy_of(encoder: Path, folder: Path) -> Path:
    return Path(shutil.copytree(encoder, folder))


@pytest.mark.parametrize("depth", [0, 5, -1])
def test_a_depth_that_the_checkpoint_does_not_have_is_refused(encoder: Path, depth: int) -> None:
    with pytest.raises(InputError, match=f"depth is {depth}"):
        load_classifier(encoder, LABELS, layers=depth)


def test_a_folder_with_pickled_weights_only_is_refused(encoder: Path, tmp_path: Path) -> None:
    folder = copy_of(encoder, tmp_path / "pickled")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="pickled has no weights in safetensors form"):
        load_classifier(folder, LABELS)


def test_the_seed_decides_the_head(encoder: Path) -> None:
    one, same, other = (
        load_classifier(encoder, LABELS, seed=seed).classifier.weight for seed in (5, 5, 6)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_loading_does_not_change_the_global_generator(encoder: Path) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    load_classifier(encoder, LABELS, seed=5)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_that_lack_layers_are_refused(encoder: Path, tmp_path: Path) -> None:
    folder = copy_of(encoder, tmp_path / "short")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 6}))
    # Two layers too few, each of 16 tensors.
    with pytest.raises(InputError, match=r"lack 32 parts of a bert of 6 layers.*layer\.4"):
        load_classifier(folder, LABELS)
