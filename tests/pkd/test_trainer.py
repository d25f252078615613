"""Training against a plain loop written out here; stopping and going on changes no bit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from transformers import AutoModelForSequenceClassification

from pkd.batching import train_batches
from pkd.checkpoint import load_checkpoint, save_checkpoint
from pkd.errors import CacheError, TrainingError
from pkd.models import load_classifier
from pkd.objective import Objective
from pkd.optimizer import moments
from pkd.prepare import Prepared
from pkd.recipe import Recipe
from pkd.signals import open_signals
from pkd.tasks import GLUE
from pkd.tokens import open_tokens
from pkd.trainer import Trainer

CPU = torch.device("cpu")
LABELS = GLUE["rte"].labels
Make = Callable[..., Trainer]


@pytest.fixture
def make(prepared: Prepared, signals: Path, encoder: Path) -> Make:
    """Makes a trainer of a student of three layers; keywords change the recipe."""

    def made(folder: Path = encoder, layers: int = 3, **settings: Any) -> Trainer:
        values = {"batch_size": 8, "learning_rate": 3e-3, "precision": "fp32"} | settings
        recipe = Recipe(layers=layers, **values)
        return Trainer(
            Objective(
                recipe,
                load_classifier(folder, LABELS, layers, recipe.seed),
                open_tokens(prepared.train, CPU),
                CPU,
                open_signals(signals, (1, 2, 3), CPU),
                4,
            )
        )

    return made


def finish(trainer: Trainer) -> list[float]:
    """Trains to the end; gives the mean loss of each epoch."""
    losses = []
    while not trainer.finished:
        for _ in trainer.run_epoch():
            pass
        losses.append(trainer.epoch_loss)
    return losses


def assert_same_bits(a: Trainer, b: Trainer) -> None:
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
    trainer = make(learning_rate=0.016, warmup=0.2)
    assert trainer.steps_per_epoch == 5
    rates = [trainer.learning_rate_at(step) for step in range(21)]
    expected = [0.004, 0.008, 0.012, 0.016, *(k / 1000 for k in range(16, -1, -1))]
    assert rates == pytest.approx(expected, abs=1e-12)


def test_without_warm_up_the_learning_rate_falls_from_the_first_step(make: Make) -> None:
    trainer = make(learning_rate=0.02, warmup=0.0)
    rates = [trainer.learning_rate_at(step) for step in (0, 1, 10, 19, 20)]
    assert rates == pytest.approx([0.02, 0.019, 0.01, 0.001, 0.0], abs=1e-12)


def test_a_smaller_last_batch_is_a_step_of_its_own(make: Make) -> None:
    trainer = make(batch_size=16)
    assert trainer.steps_per_epoch == 3
    assert len(list(trainer.run_epoch())) == 3


# The plain loop: nothing of pkd but the order of the rows and the first weights.


def plain_batch(folder: Path, rows: np.ndarray) -> dict[str, torch.Tensor]:
    ids, types = np.load(folder / "ids.npy"), np.load(folder / "types.npy")
    offsets = np.load(folder / "offsets.npy")
    width = max(offsets[row + 1] - offsets[row] for row in rows)
    names = ("input_ids", "token_type_ids", "attention_mask")
    inputs = {name: torch.zeros(len(rows), width, dtype=torch.long) for name in names}
    for i, row in enumerate(rows):
        for j, position in enumerate(range(offsets[row], offsets[row + 1])):
            inputs["input_ids"][i, j] = int(ids[position])
            inputs["token_type_ids"][i, j] = int(types[position])
            inputs["attention_mask"][i, j] = 1
    return inputs


def plain_loss(
    method: str, student: Any, labels: torch.Tensor, teacher: Any, alpha: float, beta: float
) -> torch.Tensor:
    """The released scale at T = 4, student layers 1 and 2 against teacher layers 1 and 3."""
    log_p = student.logits - student.logits.exp().sum(1, keepdim=True).log()
    ce = -sum(log_p[i, y] for i, y in enumerate(labels.tolist())) / len(labels)
    if method == "ft":
        return ce
    q = (teacher.logits / 4).exp() / (teacher.logits / 4).exp().sum(1, keepdim=True)
    p = (student.logits / 4).exp() / (student.logits / 4).exp().sum(1, keepdim=True)
    loss = (1 - alpha) * ce + alpha * 16 * (q * (q / p).log()).sum() / q.numel()
    if method == "kd":
        return loss
    distance = 0
    for mine, theirs in ((1, 1), (2, 3)):
        s = student.hidden_states[mine][:, 0]
        t = teacher.hidden_states[theirs][:, 0].half().float()
        s = s / (s * s).sum(1, keepdim=True).sqrt()
        t = t / (t * t).sum(1, keepdim=True).sqrt()
        distance = distance + ((s - t) ** 2).mean() / 2
    return loss + beta * distance


def plain_training(
    method: str, model: Any, teacher: Any, folder: Path, alpha: float, beta: float
) -> list[float]:
    """20 steps: AdamW, decay 0.01 on matrices only, rate 0.003 after 2 steps of warm-up."""
    model.train()
    teacher.eval()
    parameters = dict(model.named_parameters())
    moments = {name: (torch.zeros_like(p), torch.zeros_like(p)) for name, p in parameters.items()}
    all_labels = np.load(folder / "labels.npy")
    lengths = np.diff(np.load(folder / "offsets.npy"))
    order = [rows for epoch in range(4) for rows in train_batches(lengths, 8, 0, epoch)]
    losses = []
    for step, rows in enumerate(order):
        inputs = plain_batch(folder, rows)
        with torch.no_grad():
            told = teacher(**inputs, output_hidden_states=True)
        said = model(**inputs, output_hidden_states=True)
        loss = plain_loss(method, said, torch.from_numpy(all_labels[rows]), told, alpha, beta)
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, list(parameters.values()))
        norm = sum(float((g**2).sum()) for g in gradients) ** 0.5
        rate = 0.003 * ((step + 1) / 2 if step < 2 else (20 - step) / 18)
        with torch.no_grad():
            for (name, p), g in zip(parameters.items(), gradients, strict=True):
                g = g * min(1.0, 1 / (norm + 1e-6))
                if p.ndim == 2:
                    p -= rate * 0.01 * p
                m, v = moments[name]
                m.copy_(0.9 * m + 0.1 * g)
                v.copy_(0.999 * v + 0.001 * g * g)
                n = step + 1
                p -= rate * (m / (1 - 0.9**n)) / ((v / (1 - 0.999**n)).sqrt() + 1e-8)
    return losses


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
    trainer = make(folder, method=method, alpha=0.3, beta=10.0, temperature=4.0, warmup=0.1)
    losses: list[float] = []
    while not trainer.finished:
        before = 0.0
        for position in trainer.run_epoch():
            if position.step > 0:
                so_far = float(trainer.curve.sums[:, 0].sum())
                losses.append(so_far - before)
                before = so_far
        losses.append(trainer.epoch_loss * 5 - before)
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

        def meet(self, rows: int, width: int) -> bool:
            self.met += 1
            return self.met > 3

        def __call__(self, *_: object) -> None:
            raise error

    expected = finish(make(method="kd"))
    trainer = make(method="kd")
    monkeypatch.setattr(trainer, "_graphs", NoGraphs())
    with pytest.warns(UserWarning, match=f"kernel by kernel from now on: {error}"):
        assert finish(trainer) == expected
    assert trainer._graphs is None and trainer.micro_batches == 1


def test_a_loss_that_is_not_a_number_names_epoch_and_learning_rate(make: Make) -> None:
    trainer = make(method="ft", learning_rate=0.003)
    list(trainer.run_epoch())
    with torch.no_grad():
        trainer.model.classifier.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"in epoch 2, step 5: .*learning_rate 0\.003"):
        list(trainer.run_epoch())


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
