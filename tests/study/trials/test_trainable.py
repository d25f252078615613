"""Training as a class trainable, in users' own Tuners."""

import copy
import gc
import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pkd.distillation.losses import LossInputs, LossTerms, distillation_loss
from pkd.distillation.methods import METHODS, Method
from pkd.distillation.recipe import Recipe
from pkd.errors import CacheError, InputError
from pkd.training.training_run import Files, Outputs, TrainingRun
from study.trials.trainable import DistilTrainable
from tests.support.studies.works import FT, PKD

NUMBERS = ("epoch", "score", "dev_loss", "train_loss", "train_accuracy")


def numbers(result: dict[str, Any]) -> dict[str, Any]:
    return {key: result[key] for key in NUMBERS}


def test_a_trainable_needs_no_ray_and_gives_flat_results(files: Files) -> None:
    trainable = DistilTrainable(PKD | {"files": files})
    first, second = trainable.train(), trainable.train()
    assert (first["epoch"], second["epoch"]) == (1, 2)
    # The last epoch is the end of the trial; Tune stops it then.
    assert not first["done"] and second["done"]
    assert first["score"] == first["validation_accuracy"]
    assert math.isfinite(first["train_loss"]) and first["samples"] == 64
    trainable.stop()


def test_a_reused_trainable_does_what_a_fresh_one_does(files: Files) -> None:
    fresh = DistilTrainable(PKD | {"files": files, "seed": 3}).train()
    reused = DistilTrainable(FT | {"files": files})
    reused.train()
    assert reused.reset_config(PKD | {"files": files, "seed": 3})
    again = reused.train()
    for key in ("epoch", "score", "train_loss", "dev_loss"):
        assert again[key] == fresh[key]


def test_a_method_of_the_user_is_registered_and_its_loss_is_used(files: Files) -> None:
    calls = []

    def own_loss(inputs: LossInputs) -> LossTerms:
        calls.append(inputs)
        return distillation_loss(inputs)

    own = Method("Own", ("learning_rate", "alpha"), uses_logits=True, loss=own_loss)
    config = FT | {"method": "own", "files": files, "own_methods": {"own": own}}
    try:
        DistilTrainable(config).train()
    finally:
        METHODS.pop("own", None)
    assert calls and calls[0].teacher_logits is not None


def test_a_checkpoint_goes_on_bit_for_bit(files: Files, tmp_path: Path) -> None:
    config = PKD | {"files": files, "epochs": 3}
    whole = DistilTrainable(config)
    first = whole.train()
    whole.save(str(tmp_path / "saved"))
    expected = [whole.train(), whole.train()]

    other = DistilTrainable(config)
    other.restore(str(tmp_path / "saved"))
    assert [numbers(other.train()) for _ in range(2)] == [numbers(each) for each in expected]
    assert numbers(other.training.reports[0].to_dict()) == numbers(first)


def test_a_checkpoint_of_another_trial_goes_on_by_the_recipe_of_this_one(
    files: Files, tmp_path: Path
) -> None:
    good = DistilTrainable(PKD | {"files": files, "epochs": 3, "learning_rate": 1e-3})
    good.train()
    good.save(str(tmp_path / "saved"))
    state = copy.deepcopy(good.training.loop.state_dict())
    changed = {"learning_rate": 4e-3, "temperature": 2.0, "alpha": 0.9, "beta": 1.0}
    taken = DistilTrainable(PKD | {"files": files, "epochs": 3, "seed": 5} | changed)
    taken.train()
    taken.restore(str(tmp_path / "saved"))

    # By hand: the good trial's state in a training of the new recipe; its own start is of no use.
    recipe = Recipe.checked(**PKD | {"epochs": 3, "seed": 5} | changed)
    for name, weight in taken.training.loop.model.named_parameters():
        assert torch.equal(weight, state["model"][name])
    results = [numbers(taken.train()) for _ in range(2)]
    training = TrainingRun(recipe, files, device=torch.device("cpu"))
    training.loop.load_state_dict(state)
    assert results == [numbers(training.run_epoch().to_dict()) for _ in range(2)]
    # Steps 4 … 7 of 12, after a warm-up of 1, at the new rate.
    assert taken.training.loop.learning_rate_at(4) == pytest.approx(4e-3 * 8 / 11)


def test_a_trial_that_takes_a_checkpoint_over_has_the_best_model_of_the_other(
    files: Files, tmp_path: Path
) -> None:
    def config(name: str, seed: int) -> dict[str, Any]:
        outputs = Outputs(best_model=tmp_path / name / "m", predictions=tmp_path / name / "p")
        return PKD | {"files": files, "seed": seed, "outputs": outputs}

    good, bad = DistilTrainable(config("good", 1)), DistilTrainable(config("bad", 2))
    good.train(), bad.train()
    good.save(str(tmp_path / "saved"))
    weights = [tmp_path / name / "m" / "model.safetensors" for name in ("good", "bad")]
    assert weights[0].read_bytes() != weights[1].read_bytes()
    bad.restore(str(tmp_path / "saved"))
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert (tmp_path / "bad" / "p" / "validation.parquet").exists()


def test_a_training_that_is_restored_after_its_end_reports_it_again(
    files: Files, tmp_path: Path
) -> None:
    done = DistilTrainable(FT | {"files": files, "epochs": 1})
    last = done.train()
    done.save(str(tmp_path))
    again = DistilTrainable(FT | {"files": files, "epochs": 1})
    again.restore(str(tmp_path))
    assert numbers(again.train()) == numbers(last)
    assert again.train()["done"]


@pytest.mark.parametrize("changed", [{"layers": 3}, {"layers": 1}])
def test_a_checkpoint_of_other_shapes_is_refused(
    files: Files, tmp_path: Path, changed: dict[str, Any]
) -> None:
    DistilTrainable(PKD | {"files": files}).save(str(tmp_path))
    other = DistilTrainable(FT | {"files": files} | changed)
    with pytest.raises(InputError, match=r"need the same `files`, `layers` and `method`"):
        other.restore(str(tmp_path))


def test_a_damaged_checkpoint_is_refused(files: Files, tmp_path: Path) -> None:
    trainable = DistilTrainable(FT | {"files": files})
    trainable.save(str(tmp_path))
    state = tmp_path / "training.pt"
    content = bytearray(state.read_bytes())
    content[len(content) // 2] ^= 1
    state.write_bytes(content)
    with pytest.raises(CacheError, match=r"training\.pt is damaged"):
        trainable.restore(str(tmp_path))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "no `files`"),
        ({"learning_rat": 1e-3}, r"'learning_rat'.*did you mean 'learning_rate'"),
        ({"fold": 3}, "'fold'"),
        ({"learning_rate": 2.0}, "`learning_rate` is 2.0"),
    ],
)
def test_a_wrong_config_is_refused(files: Files, config: dict[str, Any], message: str) -> None:
    given = config and FT | {"files": files} | config
    with pytest.raises(InputError, match=message):
        DistilTrainable(given)


@pytest.mark.parametrize("classes", [1, 2])
def test_a_result_says_whether_a_single_class_is_predicted(
    files: Files, monkeypatch: pytest.MonkeyPatch, classes: int
) -> None:
    trainable = DistilTrainable(FT | {"files": files})
    predicted = trainable.training.run_epoch
    monkeypatch.setattr(
        trainable.training,
        "run_epoch",
        lambda: replace(predicted(), classes_predicted=classes),
    )
    assert trainable.train()["constant"] is (classes == 1)


def test_a_trainable_leaves_no_folder_behind(files: Files) -> None:
    trainable = DistilTrainable(FT | {"files": files})
    folder = Path(trainable.logdir)
    assert folder.parent == Path(tempfile.gettempdir())
    trainable.stop()
    del trainable
    gc.collect()
    assert not folder.exists()
