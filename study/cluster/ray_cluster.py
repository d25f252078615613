"""Starts or joins Ray, and works out what a trial may request from the cluster."""

import logging
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from pkd.errors import InputError, PkdError
from study.cluster.local_machine import ray_folder
from study.cluster.ray_errors import reason_of
from study.cluster.ray_internals import autoscaler_limits, listen_on_loopback
from study.cluster.trial_share import trial_share
from study.config.sections import Resources
from study.installation import checkout, config_folder, package_folder

_SHARED_MEMORY = Path("/dev/shm")
_OBJECT_STORE_BYTES = 200_000_000  # the study stores nothing in it; Ray's default is 30 % of RAM
_NODE_TIMEOUT_S = 120

_WORKER_ENVIRONMENT = {
    # Whatever needs the network is fetched before the first trial.
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # Without these glibc returns the gradients to the kernel after every step and takes the page
    # faults again: 10 % of a step of a student with 22 M parameters on a CPU.
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
}

_DRIVER_ENVIRONMENT = {
    # The ledger records the trials; Tune's own files would only repeat it.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # Ctrl-C has to raise KeyboardInterrupt here; Tune would end `fit` as if it had succeeded.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Tune's new console output prints failures even at the lowest verbosity.
    "RAY_AIR_NEW_OUTPUT": "0",
    # Inside a Ray job these settings are added to those that the job was submitted with.
    "RAY_OVERRIDE_JOB_RUNTIME_ENV": "1",
    # Tune imports MLflow, if it is installed, which would write into the user's home folder.
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def start_ray(address: str | None) -> None:
    """Starts Ray on this machine, or joins the cluster at ``address``.

    Args:
        address: ``auto`` or ``host:port``; None starts a new Ray even if a cluster runs here.

    Raises:
        InputError: if no cluster answers there, or the temporary folder cannot be used.
        PkdError: if Ray does not start on this machine.
    """
    for key, value in _DRIVER_ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    root = checkout()
    options: dict[str, Any] = {"address": address or "local"}
    environment: dict[str, Any] = {"env_vars": _WORKER_ENVIRONMENT}
    if address is None:
        listen_on_loopback()
        # Not in a file in the user's home folder, which may be read-only or shared.
        if not os.environ.keys() & {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"}:
            os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
        options |= {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
        folder = ray_folder().path
        options["_temp_dir"] = str(folder)
        if sys.platform == "linux" and not _SHARED_MEMORY.is_dir():
            options["_plasma_directory"] = str(folder.parent)
        if root is not None:
            environment["env_vars"] = _WORKER_ENVIRONMENT | {"PYTHONPATH": str(root)}
    else:
        # Other nodes have this project's dependencies but not its code.
        environment["py_modules"] = [str(package_folder(name)) for name in ("pkd", "study")]
    # Workers import first from the folder in which Ray is started. The current one may hold the
    # user's data, and a torch.py in it would be run.
    here = os.getcwd()
    os.chdir(root or config_folder())
    try:
        ray.init(
            **options,
            runtime_env=environment,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except Exception as error:  # Ray raises plain exceptions of many types
        reason = reason_of(str(error))
        if address is not None:  # e.g. `auto` where no cluster runs
            raise InputError(f"cannot join Ray at --address {address}: {reason}") from error
        raise PkdError(
            f"Ray does not start on this machine: {reason}. Its logs are in "
            f"{options['_temp_dir']}/session_latest/logs"
        ) from error
    finally:
        os.chdir(here)


def stop_ray() -> None:
    """Leaves the cluster, or stops the one that `start_ray` started."""
    ray.shutdown()


def trial_resources(resources: Resources) -> dict[str, float]:
    """Returns the CPUs and GPUs of one trial; see `study.cluster.trial_share.trial_share`."""
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    nodes = [(each.get("CPU", 0.0), each.get("GPU", 0.0)) for each in alive]
    limits = autoscaler_limits()
    return trial_share(resources, nodes, (limits.get("CPU", 0.0), limits.get("GPU", 0.0)))


def trials_at_once(resources: Mapping[str, float]) -> int:
    """Returns how many trials the cluster has room for, once its autoscaler has added nodes."""
    current, limits = ray.cluster_resources(), autoscaler_limits()
    room = {key: max(current.get(key, 0), limits.get(key, 0)) for key in ("CPU", "GPU")}
    return int(min(room[key.upper()] / share for key, share in resources.items() if share))


def autoscaled() -> bool:
    """Whether the cluster starts nodes for waiting trials and stops idle ones."""
    return bool(autoscaler_limits())


def check_every_node_sees(out: Path) -> None:
    """Checks that a plain ``--out`` is the same folder on every node of the cluster.

    Raises:
        InputError: naming the nodes on which it is not.
    """
    card = out / "driver.json"
    answers = {
        node["NodeName"]: ray.remote(_text_or_none)
        .options(
            num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], False)
        )
        .remote(str(card))
        for node in ray.nodes()
        if node["Alive"]
    }
    here = _text_or_none(str(card))
    different = [
        name
        for name, answer in answers.items()
        if ray.get(answer, timeout=_NODE_TIMEOUT_S) != here
    ]
    if different:
        raise InputError(
            f"--out {out} is not the same folder on every node (it differs on "
            f"{', '.join(sorted(different))}): give a folder of a shared file system, or a URI "
            "such as s3://bucket/folder"
        )


def _text_or_none(path: str) -> str | None:
    """Returns a file's text, or None if there is no such file."""
    file = Path(path)
    return file.read_text(encoding="utf-8") if file.exists() else None
