"""Ray's callback for Weights & Biases, adapted to trials that are interrupted."""

import os
from pathlib import Path
from typing import Any

import ray
from ray.air.integrations.wandb import WandbLoggerCallback
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from study.cluster.ray_internals import RaisesWandbErrors, log_wandb_runs_in, wandb_process_class
from study.tracking.ray_callbacks import TrackerCallback

_RayProcess: Any = wandb_process_class()


class _WandbProcess(_RayProcess):
    """The process that logs one run, with the driver's settings of Weights & Biases."""

    def __init__(self, *args: Any, environment: dict[str, str], **kwargs: Any) -> None:
        os.environ.update(environment)
        super().__init__(*args, **kwargs)


class WeightsAndBiases(RaisesWandbErrors, WandbLoggerCallback, TrackerCallback):
    """Logs each trial as a run of Weights & Biases; an interrupted trial continues its run.

    Args:
        project: name of the project.
        folder: where runs are kept until they are uploaded, or permanently when offline.
        upload_timeout: seconds to wait for uploads at the end.
    """

    def __init__(self, project: str, folder: Path, upload_timeout: int) -> None:
        environment = {key: os.environ[key] for key in os.environ if key.startswith("WANDB_")}
        # It logs there, by default in the user's home folder.
        environment.setdefault("WANDB_CACHE_DIR", str(folder / "wandb" / "cache"))
        super().__init__(
            project=project,
            upload_timeout=upload_timeout,
            dir=str(folder),
            resume="allow",
            reinit="finish_previous",
            environment=environment,
        )
        this_node = NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        process: Any = ray.remote(_WandbProcess)
        log_wandb_runs_in(self, process.options(num_cpus=0, scheduling_strategy=this_node))

    def log_trial_start(self, trial: Any) -> None:
        """Starts the run's process, which works in the trial's folder."""
        trial.init_local_path()
        super().log_trial_start(trial)

    def log_trial_interrupted(self, trial: Any) -> None:
        """Uploads what was logged so far."""
        self.log_trial_end(trial)
