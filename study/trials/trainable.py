"""Training as a Ray Tune class trainable, for users' own Tuners."""

from typing import Any

import torch
from ray import tune

from pkd.distillation.losses import Loss
from pkd.distillation.methods import METHODS
from pkd.distillation.recipe import Recipe
from pkd.training.training_run import Outputs, TrainingRun
from study.trials.worker import trial_cpus, trial_device


class DistilTrainable(tune.Trainable):
    """One training; a step is an epoch with its evaluation. Actors can be reused.

    The config holds ``files`` (a `pkd.training.training_run.Files`) and any field of
    `pkd.distillation.recipe.Recipe`: method, layers, learning_rate, temperature, alpha, beta,
    normalize, … Optional keys are ``outputs`` (a `pkd.training.training_run.Outputs`), ``loss``
    (a `pkd.distillation.losses.Loss` that replaces the method's) and ``own_methods`` (a
    `pkd.distillation.methods.Method` by each name, added to `pkd.distillation.methods.METHODS`).

    Each result holds ``score`` (to be maximised), ``epoch`` (for a scheduler's ``time_attr``),
    ``train_loss``, ``train_accuracy``, ``dev_loss`` and ``<split>_<metric>``.

    Raises:
        InputError: in `setup`, for a wrong recipe.
        TrainingError: in `step`, if loss or score stop being finite numbers.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Loads model, data and signals, and the checkpoint if there is one."""
        torch.set_num_threads(trial_cpus())
        METHODS.update(config.get("own_methods") or {})
        recipe = {key: value for key, value in config.items() if key in Recipe.model_fields}
        outputs: Outputs = config.get("outputs") or Outputs()
        loss: Loss | None = config.get("loss")
        self.training = TrainingRun(
            Recipe.checked(**recipe), config["files"], outputs, trial_device(), loss
        )

    def step(self) -> dict[str, Any]:
        """Trains one epoch."""
        report = self.training.run_epoch().to_dict()
        flat = {
            f"{split}_{metric}": value
            for split, metrics in report["metrics"].items()
            for metric, value in metrics.items()
        }
        return {**report, **flat, "done": self.training.finished}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes another trial in the same process: 0.1 s instead of 5 s of imports."""
        del self.training
        self.setup(new_config)
        return True
