"""What two trainings of one recipe share; docs/repeatability.md says it to users."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from pkd.data.preparation import Prepared
from pkd.distillation.recipe import Recipe
from pkd.tasks.glue import GLUE
from pkd.training.training_run import Files, Outputs, TrainingRun

TIMES = {"train_seconds", "eval_seconds"}


@pytest.fixture
def files(prepared: Prepared, signals: Path, encoder: Path) -> Files:
    return Files(GLUE["rte"], prepared.tokens, encoder, signals, teacher_layers=4)


def trained(
    files: Files, folder: Path, checkpoint_every: float = 60, **changed: Any
) -> tuple[list[dict[str, Any]], dict[str, torch.Tensor]]:
    """Trains a student; returns its reports without times, and its weights."""
    settings = {"method": "pkd-skip", "layers": 2, "epochs": 2, "batch_size": 8}
    recipe = Recipe.checked(**settings | {"learning_rate": 3e-3, "precision": "fp32"} | changed)
    outputs = Outputs(folder / "state.pt", folder / "model", checkpoint_every=checkpoint_every)
    run = TrainingRun(recipe, files, outputs, torch.device("cpu"))
    reports = []
    while not run.finished:
        report = run.run_epoch().to_dict()
        reports.append({key: value for key, value in report.items() if key not in TIMES})
    return reports, load_file(folder / "model" / "model.safetensors")


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    """Whether two models are equal bit for bit."""
    return first.keys() == second.keys() and all(
        torch.equal(first[key], second[key]) for key in first
    )


def test_other_folders_random_state_and_checkpoints_change_no_bit(
    files: Files, tmp_path: Path
) -> None:
    reports, weights = trained(files, tmp_path / "first")
    moved = Files(
        files.task,
        {
            split: shutil.copytree(folder, tmp_path / "copy" / split)
            for split, folder in files.tokens.items()
        },
        shutil.copytree(files.model, tmp_path / "copy" / "encoder"),
        shutil.copytree(str(files.signals), tmp_path / "copy" / "signals"),
        files.teacher_layers,
    )
    torch.manual_seed(99)
    again, same_weights = trained(moved, tmp_path / "second", checkpoint_every=0)
    assert again == reports and same(weights, same_weights)


@pytest.mark.parametrize("changed", [{"precision": "bf16"}, {"seed": 7}])
def test_another_precision_and_another_seed_give_other_weights(
    files: Files, tmp_path: Path, changed: dict[str, Any]
) -> None:
    _, weights = trained(files, tmp_path / "first")
    _, other = trained(files, tmp_path / "second", **changed)
    assert not same(weights, other)
