"""Every use of a name that Ray keeps private, each with the reason why no public one serves.

Ray may rename or drop them in any release. All of them were tried with Ray `TRIED_WITH`; after an
update of Ray, `tests/study/cluster/test_ray_internals.py` shows which of them to look at.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from functools import partial
from typing import Any

import ray
from ray import tune
from ray._private import ray_constants, worker
from ray._private.state import state as cluster_state
from ray._private.utils import get_num_cpus
from ray.air._internal import usage
from ray.air._internal.mlflow import _MLflowLoggerUtil

TRIED_WITH = "2.60"


# Cluster --------------------------------------------------------------------------------------


@contextlib.contextmanager
def listening_on_loopback() -> Iterator[None]:
    """Has a cluster that this process starts in the block listen on 127.0.0.1 only.

    Private name: `ray._private.ray_constants.ENABLE_RAY_CLUSTER`. The public environment variable
    (``RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER``) is read when Ray is imported, which is too early, and
    `ray.init` has no parameter for it.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def cpus_of_this_machine() -> float:
    """Returns the CPUs that a Ray started here would have.

    Private name: `ray._private.utils.get_num_cpus`. It counts those of a container, and Python's
    own functions do not before 3.13.
    """
    return float(get_num_cpus(override_docker_cpu_warning=True))


def dead_processes() -> list[str]:
    """Returns which of Ray's own processes have ended, e.g. ``gcs_server``, in a Ray started here.

    Private names: `ray._private.worker._global_node` and its `dead_processes`. Nothing public
    tells: a call to Ray waits for a dead process, in compiled code that no signal interrupts.
    """
    node = worker._global_node
    return [] if node is None else [str(kind) for kind, _ in node.dead_processes()]


def autoscaler_limits() -> dict[str, float]:
    """Returns the most that the cluster's autoscaler may start, by resource; empty without one.

    Private name: `ray._private.state.state.get_max_resources_from_cluster_config`. Public
    functions (`ray.nodes`, `ray.cluster_resources`) show only the nodes that run already.
    """
    limits = cluster_state.get_max_resources_from_cluster_config() or {}
    return {resource: float(amount) for resource, amount in limits.items()}


# Tune -----------------------------------------------------------------------------------------


def keep_idle_processes(tune_controller: Any, trial: Any, count: int) -> None:
    """Has Tune keep `count` more processes of a trial's kind when no trial waits for them.

    Private name: `TuneController._actor_cache.increase_max`. By itself Tune keeps one, and it has
    no setting for this.

    Args:
        tune_controller: the controller that Tune hands to a scheduler.
        trial: a `ray.tune.experiment.Trial` with the resources of those that will follow.
        count: number of processes.
    """
    tune_controller._actor_cache.increase_max(trial.placement_group_factory, by=count)


@contextlib.contextmanager
def callbacks_uncounted() -> Iterator[None]:
    """Has Tune not count the kinds of its callbacks in the block.

    Private name: `ray.air._internal.usage.tag_callbacks`. It imports MLflow and Weights & Biases,
    if they are installed, although no usage statistics are sent: 3 s, and files in the temporary
    folder. Tune has no setting for this.
    """
    before = usage.tag_callbacks
    usage.tag_callbacks = lambda callbacks: False
    try:
        yield
    finally:
        usage.tag_callbacks = before


class Trainable(tune.Trainable):
    """A trainable that writes nothing into the user's home folder.

    Private names: `Trainable._setup_logdir`, `._storage` and `._logdir`. Outside a Tuner, Ray
    makes a folder in ``~/ray_results`` for each trainable; here it is a temporary one, which goes
    with the trainable.
    """

    def _setup_logdir(self) -> None:
        if self._storage is not None:
            super()._setup_logdir()
            return
        self._temporary = tempfile.TemporaryDirectory()
        self._logdir = self._temporary.name  # type: ignore[assignment]  # Ray types it None


# Callback for TensorBoard ---------------------------------------------------------------------


def name_event_files(callback: Any, suffix: str) -> None:
    """Has a `TBXLoggerCallback` end the names of its event files in `suffix`.

    Private name: `TBXLoggerCallback._summary_writer_cls`. The callback takes no arguments.
    """
    callback._summary_writer_cls = partial(callback._summary_writer_cls, filename_suffix=suffix)


def close_event_file(callback: Any, trial: Any) -> None:
    """Closes a trial's event file and forgets it, without writing hyperparameters.

    Private name: `TBXLoggerCallback._trial_writer`. The public `log_trial_end` writes the
    hyperparameters as well, which TensorBoard takes as the end of the trial.
    """
    callback._trial_writer.pop(trial).close()


# Callback for MLflow --------------------------------------------------------------------------

# The class of `MLflowLoggerCallback.mlflow_util`. Private name:
# `ray.air._internal.mlflow._MLflowLoggerUtil`. It sends one request per value, and the callback
# has no public way to send several values at once.
MLflowUtil = _MLflowLoggerUtil


def mlflow_client(util: Any) -> Any:
    """Returns the `mlflow.MlflowClient` of an `MLflowUtil`.

    Private name: `_MLflowLoggerUtil._get_client`. A client made here could talk to another
    server: Ray's knows the address and the token that the callback was set up with.
    """
    return util._get_client()


def mlflow_run_ids(callback: Any) -> dict[Any, str]:
    """Returns the run id of each trial of an `MLflowLoggerCallback`; what is added is used.

    Private name: `MLflowLoggerCallback._trial_runs`. The callback starts a new run for each trial
    that is not in it and has no public way to continue an earlier run.
    """
    run_ids: dict[Any, str] = callback._trial_runs
    return run_ids


# Callback for Weights & Biases ----------------------------------------------------------------


def wandb_process_class() -> Any:
    """Returns the class of the actors in which a `WandbLoggerCallback` logs, one for each run.

    Private name: `ray.air.integrations.wandb._WandbLoggingActor`. The callback logs by nothing
    else. It is imported here, not above: importing wandb takes seconds.
    """
    from ray.air.integrations.wandb import _WandbLoggingActor

    return _WandbLoggingActor


def log_wandb_runs_in(callback: Any, actor_class: Any) -> None:
    """Has a `WandbLoggerCallback` log each run in an actor of a class of ours.

    Private name: `WandbLoggerCallback._remote_logger_class`. Ray's own actors get the API key in a
    runtime environment, which Ray writes to its logs; the callback has no parameter to stop that.
    """
    callback._remote_logger_class = actor_class


class RaisesWandbErrors:
    """A base class, before `WandbLoggerCallback`, that raises what went wrong in a run's actor.

    Private names: `WandbLoggerCallback._cleanup_logging_actor` and `._trial_logging_futures`. Ray
    waits for an actor's end but drops its exception.
    """

    _trial_logging_futures: dict[Any, Any]

    def _cleanup_logging_actor(self, trial: Any) -> None:
        outcome = self._trial_logging_futures[trial]
        callback: Any = super()
        callback._cleanup_logging_actor(trial)
        ray.get(outcome, timeout=0)
