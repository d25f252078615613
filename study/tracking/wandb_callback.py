"""Ray's callback for Weights & Biases, as a study needs it."""

import os
from pathlib import Path
from typing import Any

import ray
from ray.air.integrations.wandb import WandbLoggerCallback, _WandbLoggingActor
from ray.air.util.node import _force_on_current_node

from study.tracking.ray_callbacks import TrackerCallback


class _WandbProcess(_WandbLoggingActor):
    """The process of one run, with the driver's settings of Weights & Biases."""

    def __init__(self, *args: Any, environment: dict[str, str], **kwargs: Any) -> None:
        os.environ.update(environment)
        super().__init__(*args, **kwargs)


class WeightsAndBiases(WandbLoggerCallback, TrackerCallback):
    """A run for each trial, which goes on where it was interrupted.

    Args:
        project: the project.
        folder: where runs are kept until they are uploaded, or for good when offline.
        upload_timeout: seconds to wait for uploads at the end.
    """

    def __init__(self, project: str, folder: Path, upload_timeout: int) -> None:
        environment = {key: os.environ[key] for key in os.environ if key.startswith("WANDB_")}
        super().__init__(
            project=project,
            upload_timeout=upload_timeout,
            dir=str(folder),
            resume="allow",
            reinit="finish_previous",
            environment=environment,
        )
        # Ray's own passes the key in a runtime environment, which Ray writes to its logs.
        here: Any = _force_on_current_node()
        process: Any = ray.remote(num_cpus=0, **here)(_WandbProcess)
        self._remote_logger_class = process

    def log_trial_start(self, trial: Any) -> None:
        """Starts the run's process, which works in the trial's folder."""
        trial.init_local_path()
        super().log_trial_start(trial)

    def log_trial_interrupted(self, trial: Any) -> None:
        """Uploads what there is."""
        self.log_trial_end(trial)

    def _cleanup_logging_actor(self, trial: Any) -> None:
        """As Ray's, and raises what went wrong in the run's process."""
        outcome = self._trial_logging_futures[trial]
        super()._cleanup_logging_actor(trial)
        ray.get(outcome, timeout=0)
