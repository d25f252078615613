"""TrainingRun trackers: which ones a study tells of its trials, and whether they can be told."""

import importlib.util

from pkd.errors import InputError
from study.config.sections import Trackers

_PACKAGES = {"tensorboard": "tensorboardX", "mlflow": "mlflow", "wandb": "wandb"}


def check_trackers(trackers: Trackers) -> None:
    """Looks whether all that the chosen trackers need is there. Nothing is sent.

    Raises:
        InputError: if a package or the key of Weights & Biases is missing.
    """
    for name in trackers.chosen:
        if importlib.util.find_spec(_PACKAGES[name]) is None:
            raise InputError(
                f"`trackers.{name}` needs the package {_PACKAGES[name]}: "
                "pip install 'pkd-study[trackers]', or leave the key out"
            )
    if trackers.wandb:
        from ray.air.integrations.wandb import WandbLoggerCallback

        try:
            WandbLoggerCallback(project=trackers.wandb).setup()
        except ValueError:
            raise InputError(
                "`trackers.wandb` is on, but Weights & Biases has no key: set WANDB_API_KEY, run "
                "`wandb login`, or work without a network by WANDB_MODE=offline"
            ) from None
