"""Ray's callbacks for TensorBoard, MLflow and Weights & Biases, as a study needs them.

A trial may go on in another process, days later: what it told before must not be told again, nor
stand in a second run.
"""

import logging
import os
import shutil
import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray.air._internal.mlflow import _MLflowLoggerUtil
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.air.integrations.wandb import WandbLoggerCallback, _WandbLoggingActor
from ray.air.util.node import _force_on_current_node
from ray.tune.logger import LoggerCallback, TBXLoggerCallback


@dataclass(frozen=True)
class TrackedTrial:
    """A trial in the form in which Ray's callbacks read one of Tune's.

    Attributes:
        trial_id: the same for the same training, in whichever process it goes on.
        name: what people call it.
        experiment_dir_name: the group of runs that it belongs to.
        local_path: a folder of its own.
        config: what it is and its hyperparameters, flat.
        tags: how it is found again.
        begun: whether some of its epochs were told already.
    """

    trial_id: str
    name: str = field(compare=False)
    experiment_dir_name: str = field(compare=False)
    local_path: str = field(compare=False)
    config: dict[str, Any] = field(compare=False)
    tags: dict[str, str] = field(compare=False)
    begun: bool = field(compare=False)

    def __str__(self) -> str:
        return self.name

    @property
    def evaluated_params(self) -> dict[str, Any]:
        """The hyperparameters."""
        return self.config

    def init_local_path(self) -> None:
        """Makes the folder."""
        Path(self.local_path).mkdir(parents=True, exist_ok=True)


class TrackerCallback(LoggerCallback):
    """A callback of Ray's that also knows of trials that are set aside.

    Every ``trial`` is a `TrackedTrial`, where Ray's own signatures say Tune's.
    """

    @abstractmethod
    def log_trial_interrupted(self, trial: Any) -> None:
        """The trial goes on later, perhaps in another process."""


class TensorBoard(TBXLoggerCallback, TrackerCallback):
    """Event files in each trial's folder.

    Args:
        publish: called with the folder when a trial has ended or is set aside.
    """

    def __init__(self, publish: Callable[[Path], None]) -> None:
        super().__init__()
        self._publish = publish
        # Files are named by the second, and one of the same name would be overwritten.
        self._summary_writer_cls = partial(
            self._summary_writer_cls, filename_suffix=f".{time.time_ns()}"
        )

    def log_trial_start(self, trial: Any) -> None:
        """Goes on in the folder, or clears it of another trial that had the name before."""
        if not trial.begun:
            shutil.rmtree(trial.local_path, ignore_errors=True)
        super().log_trial_start(trial)

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        """Adds the hyperparameters."""
        super().log_trial_end(trial, failed)
        self._publish(Path(trial.local_path))

    def log_trial_interrupted(self, trial: Any) -> None:
        """Closes the file; another is begun beside it."""
        self._trial_writer.pop(trial).close()
        self._publish(Path(trial.local_path))


class _Batches(_MLflowLoggerUtil):
    """Writes what belongs together at once: a third of the time of one value after another."""

    def log_params(self, params_to_log: dict[str, Any], run_id: Any = None) -> None:
        """Logs the parameters of a run."""
        from mlflow.entities import Param

        params = [Param(key, str(value)) for key, value in params_to_log.items()]
        self._get_client().log_batch(run_id, params=params)

    def log_metrics(self, step: int, metrics_to_log: dict[str, Any], run_id: Any = None) -> None:
        """Logs one step of a run."""
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics = [Metric(key, value, now, step) for key, value in metrics_to_log.items()]
        self._get_client().log_batch(run_id, metrics=metrics)


class MLflow(MLflowLoggerCallback, TrackerCallback):
    """A run for each trial; one that was interrupted is taken up again.

    Args:
        uri: where MLflow keeps them.
        experiment: its name there.
    """

    def __init__(self, uri: str, experiment: str) -> None:
        super().__init__(tracking_uri=uri, experiment_name=experiment)
        self.mlflow_util = _Batches()
        # They tell of every table of a new database.
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)

    def log_trial_start(self, trial: Any) -> None:
        """Finds the trial's unfinished run, or makes a new one with its tags."""
        client, experiment = self.mlflow_util._get_client(), str(self.mlflow_util.experiment_id)
        for run in client.search_runs([experiment], f"tags.trial_id = '{trial.trial_id}'"):
            if run.info.status in ("RUNNING", "KILLED"):
                self._trial_runs[trial] = run.info.run_id
                client.update_run(run.info.run_id, status="RUNNING")
        self.tags = trial.tags | {"trial_id": trial.trial_id}
        super().log_trial_start(trial)

    def log_trial_interrupted(self, trial: Any) -> None:
        """Marks the run, which is not left as if it still ran."""
        self.mlflow_util.end_run(run_id=self._trial_runs[trial], status="KILLED")


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
