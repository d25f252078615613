"""Ray's callbacks for TensorBoard and MLflow, adapted to trials that are interrupted.

A trial may continue in another process, days later. Its earlier epochs must not be logged twice,
and its later ones must not appear in a second run of the tracker.
"""

import logging
import shutil
import time
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.logger import LoggerCallback, TBXLoggerCallback

from study.cluster.ray_internals import (
    MLflowUtil,
    close_event_file,
    mlflow_client,
    mlflow_run_ids,
    name_event_files,
)


class TrackerCallback(LoggerCallback):
    """A callback of Ray's that can also interrupt a trial.

    Every ``trial`` is a `study.tracking.tracked_trial.TrackedTrial`, although Ray's signatures
    name Tune's own class.
    """

    @abstractmethod
    def log_trial_interrupted(self, trial: Any) -> None:
        """Called when a trial will continue later, perhaps in another process."""


class TensorBoard(TBXLoggerCallback, TrackerCallback):
    """Writes event files to each trial's folder.

    Args:
        publish: called with the folder when a trial has ended or is interrupted.
    """

    def __init__(self, publish: Callable[[Path], None]) -> None:
        super().__init__()
        self._publish = publish
        # The default name has only the second in it, and a file of the same name is overwritten.
        name_event_files(self, f".{time.time_ns()}")

    def log_trial_start(self, trial: Any) -> None:
        """Starts an event file; first clears the folder of an earlier trial of the same name."""
        if not trial.begun:
            shutil.rmtree(trial.local_path, ignore_errors=True)
        super().log_trial_start(trial)

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        """Adds the hyperparameters and closes the file."""
        super().log_trial_end(trial, failed)
        self._publish(Path(trial.local_path))

    def log_trial_interrupted(self, trial: Any) -> None:
        """Closes the file; when the trial continues, it gets another one beside it."""
        close_event_file(self, trial)
        self._publish(Path(trial.local_path))


class _BatchedUtil(MLflowUtil):
    """Logs a trial's values in one request; Ray's one per value takes three times as long."""

    def log_params(self, params_to_log: dict[str, Any], run_id: Any = None) -> None:
        """Logs the parameters of a run."""
        from mlflow.entities import Param

        params = [Param(key, str(value)) for key, value in params_to_log.items()]
        mlflow_client(self).log_batch(run_id, params=params)

    def log_metrics(self, step: int, metrics_to_log: dict[str, Any], run_id: Any = None) -> None:
        """Logs one step of a run."""
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics = [Metric(key, value, now, step) for key, value in metrics_to_log.items()]
        mlflow_client(self).log_batch(run_id, metrics=metrics)


class MLflow(MLflowLoggerCallback, TrackerCallback):
    """Logs each trial as a run of MLflow; an interrupted trial continues its run.

    Args:
        uri: MLflow's server or database.
        experiment: name of the experiment that the runs belong to.
    """

    def __init__(self, uri: str, experiment: str) -> None:
        super().__init__(tracking_uri=uri, experiment_name=experiment)
        self.mlflow_util = _BatchedUtil()
        # They log each table of a new database.
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)

    def log_trial_start(self, trial: Any) -> None:
        """Continues the trial's unfinished run, or starts a new one with the trial's tags."""
        client, experiment = mlflow_client(self.mlflow_util), str(self.mlflow_util.experiment_id)
        for run in client.search_runs([experiment], f"tags.trial_id = '{trial.trial_id}'"):
            if run.info.status in ("RUNNING", "KILLED"):
                mlflow_run_ids(self)[trial] = run.info.run_id
                client.update_run(run.info.run_id, status="RUNNING")
        self.tags = trial.tags | {"trial_id": trial.trial_id}
        super().log_trial_start(trial)

    def log_trial_interrupted(self, trial: Any) -> None:
        """Marks the run as killed, so that MLflow does not show it as running."""
        self.mlflow_util.end_run(run_id=mlflow_run_ids(self)[trial], status="KILLED")
