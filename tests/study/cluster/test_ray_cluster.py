"""What a trial requests on clusters of various sizes; never more than a node has."""

from typing import Any

import pytest
import ray

from pkd.errors import InputError
from study.cluster import ray_cluster
from study.cluster.ray_cluster import autoscaled, trial_resources, trials_at_once
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
