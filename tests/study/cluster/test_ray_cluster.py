"""What a trial requests on clusters of various sizes; never more than a node has."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ray

from pkd.errors import InputError, PkdError
from pkd.runtime.environment import TELEMETRY_OFF
from pkd.runtime.interruption import Terminated
from study.cluster import ray_cluster
from study.cluster.ray_cluster import (
    autoscaled,
    start_ray,
    stop_ray,
    trial_resources,
    trials_at_once,
)
from study.config.sections import Resources


def cluster(
    monkeypatch: pytest.MonkeyPatch,
    *nodes: dict[str, float],
    limits: dict[str, float] | None = None,
) -> None:
    """Makes Ray report these nodes, a dead one, and an autoscaler with these limits."""
    answer: list[dict[str, Any]] = [{"Alive": True, "Resources": node} for node in nodes]
    # A dead node stays in Ray's list.
    answer.append({"Alive": False, "Resources": {"CPU": 512.0, "GPU": 64.0}})
    monkeypatch.setattr(ray, "nodes", lambda: answer)
    monkeypatch.setattr(ray_cluster, "autoscaler_limits", lambda: limits or {})


def test_without_a_gpu_a_trial_takes_one_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(monkeypatch, {"CPU": 8.0})
    assert trial_resources(Resources()) == {"cpu": 1.0, "gpu": 0.0}


def test_four_trials_share_a_gpu_and_its_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(monkeypatch, {"CPU": 16.0, "GPU": 1.0})
    assert trial_resources(Resources()) == {"cpu": 4.0, "gpu": 0.25}


def test_eight_gpus_share_the_cpus_of_their_node(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(monkeypatch, {"CPU": 64.0, "GPU": 8.0})
    assert trial_resources(Resources()) == {"cpu": 2.0, "gpu": 0.25}
    # A whole GPU gets a whole share.
    assert trial_resources(Resources(gpus_per_trial=1)) == {"cpu": 8.0, "gpu": 1.0}


def test_fewer_cpus_than_trials_fit_still_gives_a_trial_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster(monkeypatch, {"CPU": 2.0, "GPU": 1.0})
    assert trial_resources(Resources()) == {"cpu": 1.0, "gpu": 0.25}


def test_the_cpus_of_a_node_without_gpus_are_not_counted_for_gpu_trials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The node with the GPU never has 68 / 4 = 17 free CPUs.
    cluster(monkeypatch, {"CPU": 64.0}, {"CPU": 4.0, "GPU": 1.0})
    assert trial_resources(Resources()) == {"cpu": 1.0, "gpu": 0.25}


def test_gpus_that_an_autoscaler_may_start_are_requested(monkeypatch: pytest.MonkeyPatch) -> None:
    # A head that runs no trials, and no other node yet. The CPUs of a GPU node are not known.
    cluster(monkeypatch, {"CPU": 0.0}, limits={"CPU": 64, "GPU": 4})
    assert trial_resources(Resources()) == {"cpu": 1.0, "gpu": 0.25}
    assert trial_resources(Resources(cpus_per_trial=4)) == {"cpu": 4.0, "gpu": 0.25}
    with pytest.raises(InputError, match="needs 1 CPUs and 8 GPUs"):
        trial_resources(Resources(gpus_per_trial=8))


def test_configured_resources_are_requested(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(monkeypatch, {"CPU": 16.0, "GPU": 2.0})
    resources = Resources(cpus_per_trial=3, gpus_per_trial=0.5)
    assert trial_resources(resources) == {"cpu": 3.0, "gpu": 0.5}
    assert trial_resources(Resources(gpus_per_trial=0)) == {"cpu": 1.0, "gpu": 0.0}


@pytest.mark.parametrize(
    "resources",
    [
        Resources(gpus_per_trial=1),  # no node has a GPU
        Resources(cpus_per_trial=9),  # more CPUs than a node has, though both together have 16
        Resources(gpus_per_trial=0.1),
    ],
)
def test_more_than_any_node_has_is_refused(
    monkeypatch: pytest.MonkeyPatch, resources: Resources
) -> None:
    cluster(monkeypatch, {"CPU": 8.0}, {"CPU": 8.0})
    with pytest.raises(InputError, match="nodes have 8 and 0"):
        trial_resources(resources)


def test_one_and_a_half_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(monkeypatch, {"CPU": 8.0, "GPU": 4.0})
    with pytest.raises(InputError, match="`resources.gpus_per_trial` is 1.5"):
        trial_resources(Resources(gpus_per_trial=1.5))


@pytest.mark.parametrize(
    ("there", "trial", "expected"),
    [
        ({"CPU": 2.0}, {"cpu": 1.0, "gpu": 0.0}, 2),
        ({"CPU": 64.0, "GPU": 4.0}, {"cpu": 2.0, "gpu": 0.25}, 16),
        # The cluster has no GPU yet.
        ({"CPU": 8.0}, {"cpu": 1.0, "gpu": 1.0}, 0),
    ],
)
def test_the_scarcest_resource_decides_how_many_trials_run_at_once(
    monkeypatch: pytest.MonkeyPatch,
    there: dict[str, float],
    trial: dict[str, float],
    expected: int,
) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: there)
    monkeypatch.setattr(ray_cluster, "autoscaler_limits", dict)
    assert trials_at_once(trial) == expected and not autoscaled()
    # An autoscaler starts nodes for all waiting trials at once.
    limits = {"CPU": 128.0, "GPU": 8.0}
    monkeypatch.setattr(ray_cluster, "autoscaler_limits", lambda: limits)
    assert trials_at_once(trial) >= 8 and autoscaled()


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The temporary folder of Ray; what the test sets in the environment is forgotten."""
    folder = Path(f"/tmp/p{os.getpid()}")
    folder.mkdir()
    monkeypatch.setattr(os, "environ", os.environ | {"RAY_TMPDIR": str(folder)})
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def failing(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes the start of Ray fail."""

    def fail_with(error: BaseException) -> None:
        def init(**_: object) -> None:
            raise error

        monkeypatch.setattr(ray, "init", init)

    return fail_with


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        ConnectionError("no GCS"),
        ValueError("the object store is too large"),
        RuntimeError("The current node timed out during startup"),
        Exception("a plain one"),
    ],
)
def test_a_ray_that_does_not_start_is_one_message(
    error: Exception, failing: Callable[[Exception], None], temporary: Path, tmp_path: Path
) -> None:
    failing(error)
    here = os.getcwd()
    with pytest.raises(PkdError) as raised:
        start_ray(None, tmp_path)
    (kept,) = temporary.iterdir()
    assert str(raised.value) == (
        f"Ray does not start on this machine: {error}. Its logs are in "
        f"{kept}/r/session_latest/logs until the study is started again"
    )
    assert not isinstance(raised.value, InputError)
    assert os.getcwd() == here
    with pytest.raises(InputError) as refused:
        start_ray("10.0.0.1:1", tmp_path)
    assert str(refused.value) == f"cannot join Ray at --address 10.0.0.1:1: {error}"


def test_a_start_that_a_busy_machine_delays_is_tried_again(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [RuntimeError("The current node timed out during startup. It could …")] * 2

    def init(**_: object) -> None:
        if errors:
            raise errors.pop()

    monkeypatch.setattr(ray, "init", init)
    assert start_ray(None, tmp_path) in list(temporary.iterdir())
    assert not errors


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt),
        (Terminated(), Terminated),
        (SystemExit(15), Terminated),  # Ray's own handler of SIGTERM
    ],
)
@pytest.mark.parametrize("address", [None, "10.0.0.1:1"])
def test_an_interrupted_start_leaves_nothing(
    address: str | None,
    error: BaseException,
    expected: type[BaseException],
    failing: Callable[[BaseException], None],
    temporary: Path,
    tmp_path: Path,
) -> None:
    failing(error)
    with pytest.raises(expected):
        start_ray(address, tmp_path)
    assert list(temporary.iterdir()) == []


def test_an_interruption_that_ray_turned_into_a_system_error_is_no_failed_start(
    failing: Callable[[BaseException], None], temporary: Path, tmp_path: Path
) -> None:
    error = SystemError("returned a result with an exception set")
    error.__cause__ = KeyboardInterrupt()
    failing(error)
    with pytest.raises(SystemError):
        start_ray(None, tmp_path)
    assert list(temporary.iterdir()) == []


def test_a_machine_without_shared_memory_keeps_objects_in_the_temporary_folder(
    monkeypatch: pytest.MonkeyPatch, temporary: Path, tmp_path: Path
) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(ray, "init", given.update)
    start_ray(None, tmp_path)
    assert "_plasma_directory" not in given
    monkeypatch.setattr(ray_cluster, "_SHARED_MEMORY", tmp_path / "none")
    scratch = start_ray(None, tmp_path)
    assert Path(given["_plasma_directory"]) == scratch


def test_a_ray_of_this_machine_works_in_its_own_folder_until_it_is_stopped(
    monkeypatch: pytest.MonkeyPatch, temporary: Path, tmp_path: Path
) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(ray, "init", given.update)
    scratch = start_ray(None, tmp_path)
    assert scratch is not None and scratch.parent == temporary
    assert Path(given["_temp_dir"]).parent == scratch
    assert given["runtime_env"]["env_vars"]["TMPDIR"] == str(scratch)
    stop_ray(None)
    assert scratch.exists()
    stop_ray(scratch)
    assert not scratch.exists()


@pytest.mark.parametrize("address", [None, "10.0.0.1:1"])
def test_workers_follow_the_user_s_choice_about_telemetry(
    address: str | None, monkeypatch: pytest.MonkeyPatch, temporary: Path, tmp_path: Path
) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(ray, "init", given.update)
    monkeypatch.setitem(os.environ, "ORT_DISABLE_TELEMETRY", "0")
    start_ray(address, tmp_path)
    variables = given["runtime_env"]["env_vars"]
    assert variables.items() >= (TELEMETRY_OFF | {"ORT_DISABLE_TELEMETRY": "0"}).items()
