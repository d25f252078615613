"""Ray and Kubernetes accept the files that start a cluster, as far as this can be tested here."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import ValidationError, validate
from ray.autoscaler._private.kuberay.autoscaling_config import (
    _derive_autoscaling_config_from_ray_cr,
)
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).resolve().parents[3]
CLUSTER = ROOT / "configs" / "cluster"
KUBERNETES = "1.31"

# Keys of ray.io/v1 in KubeRay 1.6 that the manifest may use; Kubernetes refuses others.
JOB = {"entrypoint", "backoffLimit", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished"}
JOB |= {"rayClusterSpec", "activeDeadlineSeconds", "runtimeEnvYAML", "submissionMode"}
RAY_CLUSTER = {"rayVersion", "authOptions", "enableInTreeAutoscaling", "autoscalerOptions"}
RAY_CLUSTER |= {"headGroupSpec", "workerGroupSpecs"}
GROUP = {"rayStartParams", "template"}
WORKERS = GROUP | {"groupName", "replicas", "minReplicas", "maxReplicas"}


def read(name: str) -> Any:
    return yaml.safe_load((CLUSTER / name).read_text(encoding="utf-8"))


def pinned(package: str) -> str:
    """Returns the version of a package in constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line)[package]


@pytest.mark.parametrize("path", sorted(CLUSTER.iterdir()), ids=lambda path: path.name)
def test_every_file_starts_with_its_purpose_cost_and_command(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    opening = text[: text.index("\n\n")]
    assert opening.startswith("# ") or opening.startswith("#!/usr/bin/env bash\n# ")
    for part in ("# Cost: ", "# Command", f"configs/cluster/{path.name}"):
        assert part in opening


def test_the_guide_links_to_every_file() -> None:
    guide = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(\.\./([^)]+)\)", guide))
    assert linked == {f"configs/cluster/{path.name}" for path in CLUSTER.iterdir()}


# ray up -----------------------------------------------------------------------------------------


def test_the_cluster_launcher_accepts_its_file() -> None:
    config = prepare_config(read("ray-up.yaml"))
    validate_config(config)
    head, workers = config["available_node_types"]["head"], config["available_node_types"]
    assert config["head_node_type"] == "head" and head["max_workers"] == 0
    spot = workers["gpu-spot"]
    assert (spot["min_workers"], spot["max_workers"]) == (0, config["max_workers"])
    assert spot["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}


def test_the_cluster_launcher_would_refuse_a_misspelt_key() -> None:
    config = prepare_config(read("ray-up.yaml") | {"max_worker": 4})
    with pytest.raises(Exception, match="'max_worker' was unexpected"):
        validate_config(config)


def test_the_cluster_launcher_mounts_files_that_exist() -> None:
    mounts = read("ray-up.yaml")["file_mounts"]
    assert mounts.pop("~/.ray/auth_token") == "~/.ray/auth_token"
    assert all((ROOT / source).is_file() for source in mounts.values())
    # pip needs these to install the dependencies.
    assert {"pyproject.toml", "constraints.txt"} <= set(mounts.values())


def test_both_files_name_the_pinned_ray() -> None:
    docker = read("ray-up.yaml")["docker"]
    for image in (docker["head_image"], docker["worker_image"]):
        assert image.startswith(f"rayproject/ray:{pinned('ray')}-")
    assert read("rayjob.yaml")["spec"]["rayClusterSpec"]["rayVersion"] == pinned("ray")


# KubeRay ----------------------------------------------------------------------------------------


def test_the_ray_job_has_keys_that_kuberay_knows() -> None:
    manifest = read("rayjob.yaml")
    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", "RayJob")
    assert manifest["spec"].keys() <= JOB
    cluster = manifest["spec"]["rayClusterSpec"]
    assert cluster.keys() <= RAY_CLUSTER
    assert cluster["headGroupSpec"].keys() == GROUP
    assert all(group.keys() == WORKERS for group in cluster["workerGroupSpecs"])
    assert cluster["authOptions"] == {"mode": "token"}


def pod_templates() -> list[dict[str, Any]]:
    cluster = read("rayjob.yaml")["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [
        {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "x"}}
        | {"template": group["template"]}
        for group in groups
    ]


def test_kubernetes_accepts_the_pods_of_the_ray_job() -> None:
    templates = pod_templates()
    assert len(templates) == 2
    for template in templates:
        validate(template, KUBERNETES, strict=True)


def test_kubernetes_would_refuse_a_misspelt_key_of_a_pod() -> None:
    template = copy.deepcopy(pod_templates()[0])
    template["template"]["spec"]["containers"][0]["imagee"] = "x"
    with pytest.raises(ValidationError):
        validate(template, KUBERNETES, strict=True)


def test_ray_s_autoscaler_reads_the_ray_job_s_cluster() -> None:
    cluster = read("rayjob.yaml")["spec"]["rayClusterSpec"]
    resource = {"metadata": {"name": "x", "namespace": "default"}, "spec": cluster}
    types = _derive_autoscaling_config_from_ray_cr(resource)["available_node_types"]
    # No trial runs on the head; there are 0 to 4 GPU pods.
    assert types["headgroup"]["resources"]["CPU"] == 0
    assert types["gpu"]["resources"].items() >= {"CPU": 4, "GPU": 1}.items()
    assert (types["gpu"]["min_workers"], types["gpu"]["max_workers"]) == (0, 4)
