"""Checks, before any work, that the chosen experiment trackers can be used."""

import importlib.util

from pkd.errors import InputError
from study.config.sections import Trackers

_PACKAGES = {"tensorboard": "tensorboardX", "mlflow": "mlflow", "wandb": "wandb"}


def check_trackers(trackers: Trackers) -> None:
    """Checks that the chosen trackers have their packages and keys. Nothing is sent.

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
