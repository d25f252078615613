"""Training as a Ray Tune class trainable, for the study and for anybody's own Tuner."""

from pathlib import Path
from typing import Any

import torch
from ray import tune

from pkd.distillation.losses import Loss, distillation_loss
from pkd.distillation.recipe import Recipe
from pkd.errors import TrainingError
from pkd.training.training_run import Files, Outputs, TrainingRun
from study.storage.store import Store
from study.trials.worker import logged, logger, trial_cpus, trial_device


class DistilTrainable(tune.Trainable):
    """One training; a step is an epoch with its evaluation. Actors can be reused.

    The config holds ``files`` (a `pkd.training.training_run.Files`), optionally ``outputs`` (a
    `pkd.training.training_run.Outputs`) and ``loss`` (a `pkd.distillation.losses.Loss`), and any
    field of `pkd.distillation.recipe.Recipe`: method, layers, learning_rate, temperature, alpha,
    beta, normalize, …

    Each result holds ``score`` (to be maximised), ``epoch`` (for a scheduler's ``time_attr``),
    ``train_loss``, ``train_accuracy``, ``dev_loss`` and ``<split>_<metric>``.

    Raises:
        InputError: in `setup`, for a wrong recipe.
        TrainingError: in `step`, if loss or score stop being finite numbers.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Loads model, data and signals, and the checkpoint if there is one."""
        torch.set_num_threads(trial_cpus())
        recipe = {key: value for key, value in config.items() if key in Recipe.model_fields}
        outputs: Outputs = config.get("outputs") or Outputs()
        loss: Loss = config.get("loss") or distillation_loss
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
        """Takes up another trial in the same process: 0.1 s instead of 5 s of imports."""
        del self.training
        self.setup(new_config)
        return True


class StudyTrial(DistilTrainable):
    """A trial of the study: it resumes by itself, and its end is the dispatcher's decision.

    Further config: ``recorded``, the number of epochs that the ledger holds, ``log``, the file for
    the trial's log, and ``store``, where its files come from.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """As above; epochs that only the checkpoint knows of are reported again first."""
        self._log: Path = config["log"]
        self._store: Store = config["store"]
        with logged(self._log):
            files: Files = config["files"]
            for path in (*files.read(), config["outputs"].checkpoint):
                self._store.fetch(path)
            super().setup(config)
            self._unrecorded = self.training.reports[config["recorded"] :]
            logger.info("%s, %d epochs done", self.training.recipe, len(self.training.reports))

    def step(self) -> dict[str, Any]:
        """Reports the next epoch that the ledger lacks, or why there is none."""
        with logged(self._log):
            if self._unrecorded:
                return {"report": self._unrecorded.pop(0)}
            try:
                report = self.training.run_epoch()
            except TrainingError as error:
                logger.error("%s", error)
                return {"failed": str(error)}
            finally:
                self._store.publish(self._log)
            logger.info("%s", report)
            return {"report": report}
