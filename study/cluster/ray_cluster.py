"""Starting or joining Ray, and what a trial may ask of the cluster."""

import logging
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray
from ray._private import ray_constants
from ray._private.state import state as global_state
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from pkd.errors import InputError
from study.config.sections import Resources

_ROOT = Path(__file__).resolve().parents[2]
_OBJECT_STORE_BYTES = 200_000_000  # nothing of ours goes through it; Ray's default is 30 % of RAM

_WORKER_ENVIRONMENT = {
    # What needs the network was done before the first trial.
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # Without these glibc gives the gradients back to the kernel after every step and takes the
    # page faults again: 10 % of a step of a 22 M-parameter student on a CPU.
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
}

_DRIVER_ENVIRONMENT = {
    # Trials are recorded in the ledger; Tune's own files would only repeat it.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # Ctrl-C reaches us as KeyboardInterrupt; Tune would end `fit` as if all were well.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Tune's new console output prints failures even when told to be silent.
    "RAY_AIR_NEW_OUTPUT": "0",
    # Inside a job our settings join those that the job was submitted with.
    "RAY_OVERRIDE_JOB_RUNTIME_ENV": "1",
}


def start_ray(address: str | None) -> None:
    """Starts Ray on this machine, or joins the cluster at ``address``.

    Args:
        address: ``auto`` or ``host:port``; None never joins a cluster that happens to run here.

    Raises:
        InputError: if no cluster answers there.
    """
    for key, value in _DRIVER_ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    options: dict[str, Any] = {"address": address or "local"}
    environment: dict[str, Any] = {"env_vars": _WORKER_ENVIRONMENT}
    if address is None:
        # Otherwise on macOS and Windows only: every server listens on loopback.
        ray_constants.ENABLE_RAY_CLUSTER = False
        # In no file of the user's home, which may be read-only or shared.
        if not os.environ.keys() & {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"}:
            os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
        options |= {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
        environment["env_vars"] = _WORKER_ENVIRONMENT | {"PYTHONPATH": str(_ROOT)}
    else:
        # Other nodes have our dependencies, not our code.
        environment["py_modules"] = [str(_ROOT / "pkd"), str(_ROOT / "study")]
    # Workers import from the folder that Ray is started in before any other, and that may be one
    # of data: a torch.py in it would be run.
    here = os.getcwd()
    os.chdir(_ROOT)
    try:
        ray.init(
            **options,
            runtime_env=environment,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, ValueError) as error:  # e.g. `auto` where no cluster runs
        raise InputError(f"cannot start Ray (--address {address}): {error}") from error
    finally:
        os.chdir(here)


def stop_ray() -> None:
    """Leaves the cluster, or stops the one that `start_ray` started."""
    ray.shutdown()


def trial_resources(resources: Resources) -> dict[str, float]:
    """What one trial asks for; inferred from the cluster where the configuration is silent.

    Raises:
        InputError: if no node of the cluster could ever give it: Ray would wait for ever.
    """
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    nodes = [(each.get("CPU", 0.0), each.get("GPU", 0.0)) for each in alive]
    more = _promised()
    promised = (more.get("CPU", 0.0), more.get("GPU", 0.0))
    with_gpu = [(cpus, gpus) for cpus, gpus in nodes if gpus]
    gpu = resources.gpus_per_trial
    if gpu is None:
        gpu = 0.25 if with_gpu or promised[1] else 0.0
    cpu = resources.cpus_per_trial
    if cpu is None:
        cpu = 1.0
        if gpu and with_gpu:
            cpu = float(max(1, int(min(cpus * gpu / gpus for cpus, gpus in with_gpu))))
    if gpu > 1 and gpu != int(gpu):
        raise InputError(
            f"`resources.gpus_per_trial` is {gpu:g}, but must be a fraction below 1 or a whole "
            "number: a trial shares one GPU or has its own"
        )
    if not any(cpu <= cpus and gpu <= gpus for cpus, gpus in (*nodes, promised)):
        there = ", ".join(sorted({f"{cpus:g} and {gpus:g}" for cpus, gpus in nodes}))
        raise InputError(
            f"a trial needs {cpu:g} CPUs and {gpu:g} GPUs of one node (`resources.cpus_per_trial`,"
            f" `resources.gpus_per_trial`), but the cluster's nodes have {there}"
        )
    return {"cpu": cpu, "gpu": gpu}


def trials_at_once(resources: Mapping[str, float]) -> int:
    """Trials that the cluster has room for, or will have when it has grown."""
    there, more = ray.cluster_resources(), _promised()
    room = {key: max(there.get(key, 0), more.get(key, 0)) for key in ("CPU", "GPU")}
    return int(min(room[key.upper()] / share for key, share in resources.items() if share))


def autoscaled() -> bool:
    """Whether nodes come when trials wait for them, and go when they are idle."""
    return bool(_promised())


def _promised() -> dict[str, float]:
    """All that an autoscaler may start: it comes when trials wait for it."""
    more = global_state.get_max_resources_from_cluster_config() or {}
    return {key: float(amount) for key, amount in more.items()}


_ANSWER_S = 120


def check_every_node_sees(out: Path) -> None:
    """Refuses a plain ``--out`` that some node of the cluster does not have.

    Raises:
        InputError: naming the nodes.
    """
    card = out / "driver.json"
    looks = {
        node["NodeName"]: ray.remote(_read)
        .options(
            num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], False)
        )
        .remote(str(card))
        for node in ray.nodes()
        if node["Alive"]
    }
    here = _read(str(card))
    blind = [name for name, look in looks.items() if ray.get(look, timeout=_ANSWER_S) != here]
    if blind:
        raise InputError(
            f"--out {out} is not the same folder on every node ({', '.join(sorted(blind))} "
            "differs): give a folder of a shared file system, or a URI such as s3://bucket/folder"
        )


def _read(path: str) -> str | None:
    file = Path(path)
    return file.read_text(encoding="utf-8") if file.exists() else None
