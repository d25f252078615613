"""Ray's callbacks for TensorBoard and MLflow, as a study needs them.

A trial may go on in another process, days later: what it told before must not be told again, nor
stand in a second run.
"""

import logging
import shutil
import time
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ray.air._internal.mlflow import _MLflowLoggerUtil
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.logger import LoggerCallback, TBXLoggerCallback


class TrackerCallback(LoggerCallback):
    """A callback of Ray's that also knows of trials that are set aside.

    Every ``trial`` is a `study.tracking.tracked_trial.TrackedTrial`, where Ray's own signatures
    say Tune's.
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
