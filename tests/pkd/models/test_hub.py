"""Local model folders and what is refused in them."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pkd.errors import InputError
from pkd.models.hub import fetch_model


def copy_of(encoder: Path, folder: Path) -> Path:
    return Path(shutil.copytree(encoder, folder))


def test_a_folder_without_config_is_refused(encoder: Path, tmp_path: Path) -> None:
    folder = copy_of(encoder, tmp_path / "bare")
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match="bare is not a model folder: it has no config.json"):
        fetch_model(str(folder))


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere does not exist"):
        fetch_model(str(tmp_path / "nowhere"))


def test_a_folder_with_pickled_weights_only_is_refused(encoder: Path, tmp_path: Path) -> None:
    folder = copy_of(encoder, tmp_path / "pickled")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="pickled weights .* are not read"):
        fetch_model(str(folder))
