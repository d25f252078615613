"""Training against a plain loop; stopping and going on changes no bit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from pkd.data.preparation import Prepared
from pkd.data.tokens import open_tokens
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import open_signals
from pkd.errors import CacheError, TrainingError
from pkd.models.classifier import load_classifier
from pkd.tasks.glue import GLUE
from pkd.training.checkpoint import load_checkpoint, save_checkpoint
from pkd.training.objective import Objective
from pkd.training.optimizer import moments
from pkd.training.training_loop import TrainingLoop
from tests.support.training import tiny
from tests.support.training.plain_loop import plain_training

CPU = torch.device("cpu")
LABELS = GLUE["rte"].labels
Make = Callable[..., TrainingLoop]


@pytest.fixture
def make(prepared: Prepared, signals: Path, encoder: Path) -> Make:
    """Makes a trainer of a student of three layers; keywords change the recipe."""

    def made(folder: Path = encoder, layers: int = 3, **settings: Any) -> TrainingLoop:
        values = {"batch_size": 8, "learning_rate": 3e-3, "precision": "fp32"} | settings
        recipe = Recipe(layers=layers, **values)
        return TrainingLoop(
            Objective(
                recipe,
                load_classifier(folder, LABELS, layers, recipe.seed),
                open_tokens(prepared.train, CPU),
                CPU,
                signals=open_signals(signals, (1, 2, 3), CPU),
                teacher_map=recipe.teacher_map(4, layers),
            )
        )

    return made


def finish(loop: TrainingLoop) -> list[float]:
    """Trains to the end; gives the mean loss of each epoch."""
    losses = []
    while not loop.finished:
        for _ in loop.run_epoch():
            pass
        losses.append(loop.epoch_loss)
    return losses


def assert_same_bits(a: TrainingLoop, b: TrainingLoop) -> None:
    ours, theirs = a.model.state_dict(), b.model.state_dict()
    assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []
    mine = moments(a.optimizer, a.objective.pieces)
    other = moments(b.optimizer, b.objective.pieces)
    assert mine.keys() == other.keys() == dict(a.model.named_parameters()).keys()
    for name, state in mine.items():
        for key in ("step", "exp_avg", "exp_avg_sq"):
            assert torch.equal(state[key], other[name][key])


@pytest.mark.parametrize("method", ["ft", "pkd-skip"])
def test_two_and_two_epochs_are_four_epochs_bit_for_bit(
    make: Make, method: str, tmp_path: Path
) -> None:
    whole = make(method=method)
    expected = finish(whole)

    first = make(method=method)
    losses = []
    for _ in range(2):
        list(first.run_epoch())
        losses.append(first.epoch_loss)
    save_checkpoint(tmp_path / "state", first, {"note": [1, "two"]})
    torch.rand(100)

    second = make(method=method)
    assert load_checkpoint(tmp_path / "state", second) == {"note": [1, "two"]}
    assert (second.position.epoch, second.position.step) == (2, 0)
    losses += finish(second)
    assert losses == expected
    assert len(losses) == 4
    assert_same_bits(whole, second)


@pytest.mark.parametrize("method", ["ft", "pkd-skip"])
def test_a_training_stopped_inside_an_epoch_goes_on_bit_for_bit(
    make: Make, method: str, tmp_path: Path
) -> None:
    whole = make(method=method)
    expected = finish(whole)

    first = make(method=method)
    list(first.run_epoch())
    steps = first.run_epoch()
    next(steps), next(steps)
    save_checkpoint(tmp_path / "state", first, {})
    steps.close()
    torch.rand(100)

    second = make(method=method)
    load_checkpoint(tmp_path / "state", second)
    assert (second.position.epoch, second.position.step) == (1, 2)
    assert finish(second) == expected[1:]
    assert_same_bits(whole, second)


def test_another_seed_gives_another_training(make: Make) -> None:
    assert finish(make(epochs=1, seed=1)) != finish(make(epochs=1, seed=2))


def test_the_learning_rate_rises_then_falls_to_zero(make: Make) -> None:
    # 40 rows in batches of 8: 5 steps an epoch, 20 steps, the first 4 of them with warm-up 0.2.
    loop = make(learning_rate=0.016, warmup=0.2)
    assert loop.steps_per_epoch == 5
    rates = [loop.learning_rate_at(step) for step in range(21)]
    expected = [0.004, 0.008, 0.012, 0.016, *(k / 1000 for k in range(16, -1, -1))]
    assert rates == pytest.approx(expected, abs=1e-12)


def test_without_warm_up_the_learning_rate_falls_from_the_first_step(make: Make) -> None:
    loop = make(learning_rate=0.02, warmup=0.0)
    rates = [loop.learning_rate_at(step) for step in (0, 1, 10, 19, 20)]
    assert rates == pytest.approx([0.02, 0.019, 0.01, 0.001, 0.0], abs=1e-12)


def test_a_smaller_last_batch_is_a_step_of_its_own(make: Make) -> None:
    loop = make(batch_size=16)
    assert loop.steps_per_epoch == 3
    assert len(list(loop.run_epoch())) == 3


@pytest.mark.parametrize("method", ["ft", "kd", "pkd-skip"])
def test_the_losses_of_20_steps_are_those_of_a_plain_loop(
    make: Make, method: str, prepared: Prepared, teacher: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "encoder"
    tiny.write_bert(folder, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    expected = plain_training(
        method,
        load_classifier(folder, LABELS, 3, 0),
        AutoModelForSequenceClassification.from_pretrained(teacher, dtype=torch.float32),
        prepared.train,
        alpha=0.3,
        beta=10.0,
    )
    loop = make(folder, method=method, alpha=0.3, beta=10.0, temperature=4.0, warmup=0.1)
    losses: list[float] = []
    while not loop.finished:
        before = 0.0
        for position in loop.run_epoch():
            if position.step > 0:
                so_far = float(loop.curve.sums[:, 0].sum())
                losses.append(so_far - before)
                before = so_far
        losses.append(loop.epoch_loss * 5 - before)
    assert len(losses) == 20
    assert losses == pytest.approx(expected, abs=1e-5)
    # It has learnt: the comparison was not one of a standing still.
    assert np.mean(losses[-5:]) < np.mean(losses[:5])


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        torch.AcceleratorError("operation not permitted when stream is capturing"),
    ],
)
def test_where_steps_cannot_be_recorded_their_kernels_are_launched(
    make: Make, error: RuntimeError, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoGraphs:
        """As on a GPU, until the first shape comes a second time."""

        met = 0

        def has_seen(self, rows: int, width: int) -> bool:
            self.met += 1
            return self.met > 3

        def __call__(self, *_: object) -> None:
            raise error

    expected = finish(make(method="kd"))
    loop = make(method="kd")
    monkeypatch.setattr(loop, "_graphs", NoGraphs())
    with pytest.warns(
        UserWarning, match=f"CUDA graphs are off for the rest of this training: {error}"
    ):
        assert finish(loop) == expected
    assert loop._graphs is None and loop.micro_batches == 1


def test_a_loss_that_is_not_a_number_names_epoch_and_learning_rate(make: Make) -> None:
    loop = make(method="ft", learning_rate=0.003)
    list(loop.run_epoch())
    with torch.no_grad():
        loop.model.classifier.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"in epoch 2, step 5: .*learning_rate 0\.003"):
        list(loop.run_epoch())


@pytest.mark.parametrize("keep", [0, 100, -1])
def test_a_torn_checkpoint_is_refused(make: Make, keep: int, tmp_path: Path) -> None:
    path = tmp_path / "state"
    save_checkpoint(path, make(), {})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CacheError, match="state is damaged"):
        load_checkpoint(path, make())


def test_a_checkpoint_of_another_model_is_refused(make: Make, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "state", make(layers=2), {})
    with pytest.raises(CacheError, match="state is damaged"):
        load_checkpoint(tmp_path / "state", make(layers=3))


def test_a_checkpoint_that_lacks_its_extra_part_is_refused(make: Make, tmp_path: Path) -> None:
    torch.save({"trainer": make().state_dict()}, tmp_path / "state")
    with pytest.raises(CacheError, match="state is damaged"):
        load_checkpoint(tmp_path / "state", make())


def test_a_weight_without_gradient_has_the_decay_of_every_recipe_that_it_went_through(
    make: Make, tmp_path: Path
) -> None:
    first = make(epochs=2, learning_rate=3e-3, weight_decay=0.1, warmup=0)
    list(first.run_epoch())
    save_checkpoint(tmp_path / "state", first, {})
    second = make(epochs=2, learning_rate=1e-3, weight_decay=0.2, warmup=0)
    load_checkpoint(tmp_path / "state", second)
    list(second.run_epoch())
    # 5 steps an epoch; the rate falls linearly to 0 in 10 steps.
    expected = 1.0
    for step in range(10):
        rate, decay = (3e-3, 0.1) if step < 5 else (1e-3, 0.2)
        expected *= 1 - rate * (10 - step) / 10 * decay
    assert second.decay_so_far == pytest.approx(expected, rel=1e-12)

    # A state of version 0.1.0 does not hold it: its recipe is the only one that there was.
    state = first.state_dict()
    del state["decay"]
    same = make(epochs=2, learning_rate=3e-3, weight_decay=0.1, warmup=0)
    same.load_state_dict(state)
    assert same.decay_so_far == first.decay_so_far
