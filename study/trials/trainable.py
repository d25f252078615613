"""Training as a Ray Tune class trainable, for users' own Tuners."""

import shutil
from pathlib import Path
from typing import Any

import torch

from pkd.distillation.losses import Loss
from pkd.distillation.methods import METHODS
from pkd.distillation.recipe import Recipe
from pkd.errors import CacheError, InputError, did_you_mean, shown
from pkd.training.checkpoint import check_intact
from pkd.training.training_run import Outputs, TrainingRun
from study.cluster.ray_internals import Trainable
from study.trials.worker import trial_cpus, trial_device

_STATE = "training.pt"
_OPTIONAL = ("outputs", "loss", "own_methods", "log_sys_usage")  # the last one is Ray's


class DistilTrainable(Trainable):
    """One training; a step is an epoch with its evaluation. Actors can be reused.

    The config holds ``files`` (a `pkd.training.training_run.Files`) and any field of
    `pkd.distillation.recipe.Recipe`: method, layers, learning_rate, temperature, alpha, beta,
    normalize, … Optional keys are ``outputs`` (a `pkd.training.training_run.Outputs`), ``loss``
    (a `pkd.distillation.losses.Loss` that replaces the method's) and ``own_methods`` (a
    `pkd.distillation.methods.Method` by each name, added to `pkd.distillation.methods.METHODS`).

    Each result holds ``score`` (to be maximised), ``epoch`` (for a scheduler's ``time_attr``),
    ``constant`` (whether the model predicts a single class: then it has learnt nothing, whatever
    its score), ``train_loss``, ``train_accuracy``, ``dev_loss`` and ``<split>_<metric>``.

    A checkpoint of Tune continues a training bit for bit. Another trial may take it over and go
    on by its own recipe, as in population based training; ``files``, ``layers`` and ``method``
    must be the same. It holds copies of the best model (``best_model``) and its predictions
    (``predictions``) if ``outputs`` keeps them. Paths of ``outputs`` should be relative: Tune runs
    each trial in a folder of its own, and trials that share a folder overwrite each other's files.

    Raises:
        InputError: in `setup`, for a wrong recipe; in `load_checkpoint`, for the checkpoint of a
            model of other shapes.
        CacheError: in `load_checkpoint`, if the checkpoint is damaged.
        TrainingError: in `step`, if loss or score stop being finite numbers.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Loads model, data and signals, and the checkpoint of ``outputs`` if there is one."""
        _check_keys(config)
        torch.set_num_threads(trial_cpus())
        METHODS.update(config.get("own_methods") or {})
        recipe = {key: value for key, value in config.items() if key in Recipe.model_fields}
        outputs: Outputs = config.get("outputs") or Outputs()
        loss: Loss | None = config.get("loss")
        self.training = TrainingRun(
            Recipe.checked(**recipe), config["files"], outputs, trial_device(), loss
        )

    def step(self) -> dict[str, Any]:
        """Trains one epoch. A training that was restored after its last one reports it again."""
        training = self.training
        report = training.reports[-1] if training.finished else training.run_epoch()
        flat = {
            f"{split}_{metric}": value
            for split, metrics in report.metrics.items()
            for metric, value in metrics.items()
        }
        values = report.to_dict() | flat
        return values | {"constant": report.constant, "done": training.finished}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Writes the state of the training, the best model and its predictions."""
        folder = Path(checkpoint_dir)
        self.training.save(folder / _STATE)
        for name, kept in self._kept():
            if kept.exists():
                shutil.copytree(kept, folder / name)

    def load_checkpoint(self, checkpoint_dir: Any) -> None:
        """Continues from a checkpoint, by the recipe of this trial."""
        folder = Path(checkpoint_dir)
        check_intact(folder / _STATE)
        try:
            self.training.load(folder / _STATE)
        except CacheError as error:
            raise InputError(
                f"the checkpoint {folder} is of a model of other shapes. Trials that take over "
                "each other's checkpoints need the same `files`, `layers` and `method`: leave "
                f"these out of what the scheduler changes ({error.__cause__})"
            ) from error
        for name, kept in self._kept():
            if (folder / name).exists():
                shutil.copytree(folder / name, kept, dirs_exist_ok=True)
                self.training.outputs.written(kept)

    def _kept(self) -> list[tuple[str, Path]]:
        """Returns the folders of the best epoch, by their names in a checkpoint."""
        outputs = self.training.outputs
        folders = {"best_model": outputs.best_model, "predictions": outputs.predictions}
        return [(name, folder) for name, folder in folders.items() if folder is not None]

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes another trial in the same process: 0.1 s instead of 5 s of imports."""
        del self.training
        self.setup(new_config)
        return True


def _check_keys(config: dict[str, Any]) -> None:
    if "files" not in config:
        raise InputError("the config has no `files`: give what to read, a `pkd.Files`")
    known = ("files", *Recipe.model_fields, *_OPTIONAL)
    for key in config:
        if key not in known:
            raise InputError(
                f"the config has the key {shown(key)}, but must hold `files`, fields of "
                f"`pkd.Recipe` and {', '.join(f'`{name}`' for name in _OPTIONAL[:3])} only"
                + did_you_mean(key, known)
            )
