"""Training as a class trainable, in users' own Tuners."""

import math

from pkd.distillation.losses import LossInputs, LossTerms, distillation_loss
from pkd.distillation.methods import METHODS, Method
from pkd.training.training_run import Files
from study.trials.trainable import DistilTrainable
from tests.support.studies.works import FT, PKD


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
