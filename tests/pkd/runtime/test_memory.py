"""A batch that does not fit the memory is computed in parts, with the gradient of the whole."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pkd.data.preparation import Prepared
from pkd.data.tokens import open_tokens
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import open_signals
from pkd.errors import TrainingError
from pkd.evaluation.inference import predict_logits
from pkd.models.classifier import load_classifier
from pkd.runtime.memory import is_out_of_memory
from pkd.tasks.glue import GLUE
from pkd.training.checkpoint import check_intact, load_checkpoint, save_checkpoint
from pkd.training.objective import Objective
from pkd.training.training_loop import TrainingLoop

CPU = torch.device("cpu")
LABELS = GLUE["rte"].labels
CPU_ERROR = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")


def fits(model: torch.nn.Module, rows: int, error: Exception) -> list[int]:
    """Makes a model fail for more than ``rows`` rows; returns the sizes of all its batches."""
    sizes: list[int] = []

    def refuse(module: Any, arguments: Any, inputs: dict[str, torch.Tensor]) -> None:
        sizes.append(len(inputs["input_ids"]))
        if sizes[-1] > rows:
            raise error

    model.register_forward_pre_hook(refuse, with_kwargs=True)
    return sizes


@pytest.fixture
def make(prepared: Prepared, signals: Path, encoder: Path) -> Callable[..., TrainingLoop]:
    def made(method: str = "pkd-skip", dropout: bool = True) -> TrainingLoop:
        settings = {"batch_size": 8, "alpha": 0.3, "beta": 10.0, "temperature": 4.0}
        recipe = Recipe.checked(method=method, layers=3, precision="fp32", **settings)
        loop = TrainingLoop(
            Objective(
                recipe,
                load_classifier(encoder, LABELS, 3, recipe.seed),
                open_tokens(prepared.train, CPU),
                CPU,
                signals=open_signals(signals, (1, 2, 3), CPU),
                teacher_map=recipe.teacher_map(4, 3),
            )
        )
        loop.model.train(dropout)
        return loop

    return made


@pytest.mark.parametrize("method", ["ft", "kd", "pkd-skip"])
@pytest.mark.parametrize("scale", ["released", "paper"])
def test_parts_of_a_batch_give_the_gradient_of_the_whole(
    make: Callable[..., TrainingLoop], method: str, scale: str
) -> None:
    gradients, losses = [], []
    for parts in (1, 3, 7):
        loop = make(method, dropout=False)
        loop.objective.weights = replace(loop.objective.weights, scale=scale)
        loop.micro_batches = parts
        # Seven rows in three parts are 3, 2 and 2: the parts are weighted by their rows.
        loss, logits = loop._backward(np.arange(7))
        losses.append(float(loss))
        gradients.append([p.grad for p in loop.model.parameters() if p.grad is not None])
        assert logits.shape == (7, 2)
    assert losses[1:] == pytest.approx(losses[:1] * 2, rel=1e-5)
    for other in gradients[1:]:
        for mine, whole in zip(other, gradients[0], strict=True):
            torch.testing.assert_close(mine, whole, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA"), MemoryError(), CPU_ERROR])
def test_a_batch_that_does_not_fit_is_halved_until_it_does(
    make: Callable[..., TrainingLoop], error: Exception
) -> None:
    loop = make()
    sizes = fits(loop.model, 2, error)
    list(loop.run_epoch())
    # 8 rows, then halves of 4, then quarters of 2; from then on always quarters.
    assert sizes[:6] == [8, 4, 2, 2, 2, 2] and max(sizes[6:]) == 2
    assert loop.micro_batches == 4 and np.isfinite(loop.epoch_loss)


def test_a_training_that_ran_out_of_memory_equals_one_with_small_parts(
    make: Callable[..., TrainingLoop],
) -> None:
    interrupted = make()
    fits(interrupted.model, 4, torch.OutOfMemoryError("CUDA"))
    list(interrupted.run_epoch())
    planned = make()
    planned.micro_batches = 2
    list(planned.run_epoch())
    assert interrupted.epoch_loss == planned.epoch_loss


def test_a_resumed_training_keeps_its_number_of_parts(
    make: Callable[..., TrainingLoop], tmp_path: Path
) -> None:
    first, second = make(), make()
    first.micro_batches = 4
    save_checkpoint(tmp_path / "state", first, {})
    load_checkpoint(tmp_path / "state", second)
    assert second.micro_batches == 4


def test_a_single_row_that_does_not_fit_ends_the_trial_with_advice(
    make: Callable[..., TrainingLoop],
) -> None:
    loop = make()
    fits(loop.model, 0, torch.OutOfMemoryError("CUDA"))
    with pytest.raises(TrainingError, match="memory runs out even for a single row"):
        list(loop.run_epoch())


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA"), OSError(errno.EIO, "I/O")])
def test_a_memory_or_disk_error_is_not_reported_as_a_damaged_checkpoint(
    make: Callable[..., TrainingLoop],
    error: Exception,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save_checkpoint(tmp_path / "state", make(), {})

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("torch.load", fail)
    with pytest.raises(type(error)):
        load_checkpoint(tmp_path / "state", make())
    monkeypatch.setattr("zipfile.ZipFile.testzip", fail)
    with pytest.raises(type(error)):
        check_intact(tmp_path / "state")


def test_other_errors_are_not_treated_as_out_of_memory(
    make: Callable[..., TrainingLoop],
) -> None:
    loop = make()
    fits(loop.model, 2, RuntimeError("shape mismatch"))
    with pytest.raises(RuntimeError, match="shape mismatch"):
        list(loop.run_epoch())
    assert not is_out_of_memory(ValueError("can't allocate memory"))


def test_evaluation_halves_its_batches_too(prepared: Prepared, encoder: Path) -> None:
    model = load_classifier(encoder, LABELS, 3, 0)
    tokens = open_tokens(prepared.tokens["validation"], CPU)
    whole = predict_logits(model, tokens, CPU, "fp32")
    sizes = fits(model, 5, torch.OutOfMemoryError("CUDA"))
    halved = predict_logits(model, tokens, CPU, "fp32")
    assert max(sizes[1:]) <= 6 and min(sizes) <= 5
    np.testing.assert_allclose(halved, whole, atol=1e-5)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_training_continues_after_the_system_refuses_memory() -> None:
    # torch's allocator then raises an error of its own type.
    root = Path(__file__).resolve().parents[3]
    script = root / "tests" / "support" / "training" / "scarce_memory.py"
    done = subprocess.run(
        [sys.executable, str(script)],
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    whole, parts = found["micro_batches"]
    assert whole == 1 and parts > 1
    assert found["loss"][1] == pytest.approx(found["loss"][0], rel=1e-5)
    assert found["weights"] < 1e-6
