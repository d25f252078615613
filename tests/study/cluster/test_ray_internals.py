"""The private names of Ray that the study uses exist and do what it expects."""

import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray import tune
from ray._private import ray_constants, services, worker
from ray._private.node import Node
from ray._private.state import state
from ray.air._internal import usage
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.air.integrations.wandb import WandbLoggerCallback
from ray.experimental import internal_kv
from ray.tune.execution.tune_controller import TuneController
from ray.tune.logger import TBXLoggerCallback
from ray.tune.trainable import trainable as trainable_module
from ray.tune.utils.object_cache import _ObjectCache

from study.cluster import ray_internals
from study.cluster.ray_internals import TRIED_WITH
from study.tracking.tracked_trial import TrackedTrial


def test_the_installed_ray_is_the_version_that_the_private_names_were_tried_with() -> None:
    installed = ".".join(ray.__version__.split(".")[:2])
    assert installed == TRIED_WITH, (
        f"tried with Ray {TRIED_WITH}, installed is {installed}: check the private names in "
        "study/cluster/ray_internals.py and study/storage/mirror.py, then set TRIED_WITH there "
        "and Ray's upper bound in pyproject.toml"
    )


def test_processes_of_a_cluster_can_share_a_text_without_a_disk() -> None:
    assert internal_kv._internal_kv_initialized() is False  # until `ray.init`
    for name in ("_internal_kv_put", "_internal_kv_get"):
        assert callable(getattr(internal_kv, name))


def test_a_started_cluster_listens_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", True)
    with ray_internals.listening_on_loopback():
        assert ray_constants.ENABLE_RAY_CLUSTER is False
    assert ray_constants.ENABLE_RAY_CLUSTER is True
    # The module that chooses the address reads the same variable.
    assert services.ray_constants is ray_constants


def test_the_dead_among_ray_s_own_processes_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ray_internals.dead_processes() == []
    node = Node.__new__(Node)
    running, ended = (SimpleNamespace(poll=lambda code=code: code) for code in (None, -9))
    node.all_processes = {
        "gcs_server": [SimpleNamespace(process=ended)],
        "raylet": [SimpleNamespace(process=running)],
    }
    monkeypatch.setattr(worker, "_global_node", node)
    assert ray_internals.dead_processes() == ["gcs_server"]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [(None, {}), ({}, {}), ({"CPU": 64, "GPU": 4}, {"CPU": 64.0, "GPU": 4.0})],
)
def test_the_autoscaler_s_limits_are_numbers_by_resource(
    limits: dict[str, int] | None, expected: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "get_max_resources_from_cluster_config", lambda: limits)
    assert ray_internals.autoscaler_limits() == expected


def test_tune_counts_no_callbacks_and_so_imports_no_tracker() -> None:
    # Tune calls the function by this name.
    assert {"air_usage", "tag_callbacks"} <= set(tune.tune.run.__code__.co_names)
    before = usage.tag_callbacks
    with ray_internals.callbacks_uncounted():
        assert usage.tag_callbacks is not before
        assert usage.tag_callbacks([object()]) is False
    assert usage.tag_callbacks is before


def test_tune_keeps_more_idle_processes() -> None:
    # The controller sets the attribute in its constructor, which needs a running Ray.
    assert "_actor_cache" in TuneController.__init__.__code__.co_names
    controller: Any = SimpleNamespace(_actor_cache=_ObjectCache())
    trial: Any = SimpleNamespace(placement_group_factory="one CPU")
    ray_internals.keep_idle_processes(controller, trial, 2)
    kept = [controller._actor_cache.cache_object("one CPU", name) for name in "abc"]
    assert kept == [True, True, False]


def test_an_event_file_has_the_suffix_and_is_closed_without_hyperparameters(
    tmp_path: Path,
) -> None:
    callback = TBXLoggerCallback()
    ray_internals.name_event_files(callback, ".mine")
    trial: Any = TrackedTrial("id", "name", "group", str(tmp_path), {"seed": 1}, {}, False)
    callback.log_trial_start(trial)
    ray_internals.close_event_file(callback, trial)
    (file,) = tmp_path.iterdir()
    assert file.name.endswith(".mine") and b"hparams" not in file.read_bytes()
    with pytest.raises(KeyError):  # it is forgotten
        ray_internals.close_event_file(callback, trial)


def test_the_mlflow_callback_logs_by_the_util_and_reads_the_run_ids() -> None:
    assert "_MLflowLoggerUtil" in MLflowLoggerCallback.__init__.__code__.co_names
    assert callable(ray_internals.MLflowUtil._get_client)
    logged: list[tuple[str, int]] = []
    callback: Any = object.__new__(MLflowLoggerCallback)
    callback._trial_runs = {}  # as `setup` does, which needs a server
    callback.mlflow_util = SimpleNamespace(
        log_metrics=lambda run_id, metrics_to_log, step: logged.append((run_id, step))
    )
    ray_internals.mlflow_run_ids(callback)["trial"] = "earlier run"
    callback.log_trial_result(1, "trial", {"training_iteration": 3})
    assert logged == [("earlier run", 3)]
    assert "_trial_runs" in MLflowLoggerCallback.setup.__code__.co_names


def test_the_mlflow_client_is_the_util_s() -> None:
    util: Any = SimpleNamespace(_get_client=lambda: "client")
    assert ray_internals.mlflow_client(util) == "client"


def test_the_wandb_callback_starts_actors_of_the_class_that_it_is_given() -> None:
    assert ray_internals.wandb_process_class() is WandbLoggerCallback._logger_actor_cls
    callback = WandbLoggerCallback(project="distil")
    assert callback._remote_logger_class is None and callback._trial_logging_futures == {}
    ray_internals.log_wandb_runs_in(callback, "actors")
    assert callback._remote_logger_class == "actors"


def test_an_error_in_the_actor_of_a_wandb_run_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    class Callback(ray_internals.RaisesWandbErrors, WandbLoggerCallback):
        pass

    def failed(outcome: str, timeout: int) -> None:
        raise RuntimeError(outcome)

    monkeypatch.setattr(ray, "get", failed)
    monkeypatch.setattr(ray, "kill", lambda actor: None)
    monkeypatch.setattr(ray, "wait", lambda outcomes, **_: (outcomes, []))
    callback: Any = Callback(project="distil")
    callback._trial_queues["trial"] = SimpleNamespace(put=lambda item: None)
    callback._trial_logging_actors["trial"] = "actor"
    callback._trial_logging_futures["trial"] = "no space left"
    callback._logging_future_to_trial["no space left"] = "trial"
    with pytest.raises(RuntimeError, match="no space left"):
        callback.log_trial_end("trial")


def test_the_cpus_of_this_machine_are_at_most_those_that_python_counts() -> None:
    assert 1 <= ray_internals.cpus_of_this_machine() <= (os.cpu_count() or 1)


def test_a_trainable_outside_a_tuner_has_a_temporary_folder_and_one_in_it_tune_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainable_module, "DEFAULT_STORAGE_PATH", str(tmp_path / "home"))
    alone = ray_internals.Trainable()
    assert Path(alone.logdir).parent == Path(tempfile.gettempdir())
    assert not (tmp_path / "home").exists()
    monkeypatch.setenv("RAY_CHDIR_TO_TRIAL_DIR", "0")
    storage: Any = SimpleNamespace(
        trial_fs_path=str(tmp_path), trial_working_directory=str(tmp_path / "trial")
    )
    assert ray_internals.Trainable(storage=storage).logdir == str(tmp_path / "trial")
