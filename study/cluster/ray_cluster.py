"""Starts or joins Ray, and works out what a trial may request from the cluster."""

import atexit
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
from pkd.runtime.environment import TELEMETRY_OFF
from pkd.runtime.interruption import Terminated, stopped_by
from study.cluster.child_processes import ended_on_failure
from study.cluster.local_machine import ray_folder
from study.cluster.ray_errors import reason_of
from study.cluster.ray_internals import autoscaler_limits, listening_on_loopback
from study.cluster.ray_scratch import make_scratch, ray_part, remove_scratch
from study.cluster.trial_share import trial_share
from study.config.sections import Resources
from study.installation import checkout, config_folder, package_folder

_SHARED_MEMORY = Path("/dev/shm")
_OBJECT_STORE_BYTES = 200_000_000  # the study stores nothing in it; Ray's default is 30 % of RAM
_NODE_TIMEOUT_S = 120
# Ray waits 30 s for its own processes, too little on a busy machine, and has no setting for it.
_SLOW, _STARTS = "timed out during startup", 3

_WORKERS = {
    # Whatever needs the network is fetched before the first trial.
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # Without these glibc returns the gradients to the kernel after every step and takes the page
    # faults again: 10 % of a step of a student with 22 M parameters on a CPU.
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
}


def start_ray(address: str | None, run_folder: Path) -> Path | None:
    """Starts Ray on this machine, or joins the cluster at ``address``.

    Args:
        address: ``auto`` or ``host:port``; None starts a new Ray even if a cluster runs here.
        run_folder: of the study. A Ray on this machine works in a folder that belongs to it.

    Returns:
        That folder, for `stop_ray`; None for a cluster.

    Raises:
        InputError: if no cluster answers there, or the temporary folder cannot be used.
        PkdError: if Ray does not start on this machine; its logs are kept.
    """
    if address is not None:
        _join(address)
        return None
    scratch = make_scratch(ray_folder().path, run_folder)
    try:
        _start(scratch)
    except BaseException as error:
        if not isinstance(error, PkdError):  # Ctrl-C: nobody needs the logs
            stop_ray(scratch)
        raise
    return scratch


def stop_ray(scratch: Path | None, alive: bool = True) -> None:
    """Leaves the cluster, or stops the Ray that `start_ray` started.

    Args:
        scratch: the folder of that Ray, which is removed; None if there is none, or to keep it.
        alive: False if that Ray is dead and this process ends: its shutdown might never return.
    """
    if alive:
        ray.shutdown()
    else:
        atexit.unregister(ray.shutdown)
    if scratch is not None:
        remove_scratch(scratch)


def _join(address: str) -> None:
    # Other nodes have this project's dependencies but not its code.
    modules = [str(package_folder(name)) for name in ("pkd", "study")]
    try:
        _init(address=address, runtime_env={"env_vars": _for_workers(), "py_modules": modules})
    except Exception as error:  # Ray raises plain ones of many types, e.g. where no cluster runs
        if stopped_by(error) is not None:
            raise
        reason = reason_of(str(error))
        raise InputError(f"cannot join Ray at --address {address}: {reason}") from error


def _start(scratch: Path) -> None:
    # Not in a file in the user's home folder, which may be read-only or shared.
    if not os.environ.keys() & {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"}:
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    # What the trackers' processes leave in their temporary folder goes with Ray's.
    environment = _for_workers() | {"TMPDIR": str(scratch)}
    if (root := checkout()) is not None:
        environment["PYTHONPATH"] = str(root)
    options: dict[str, Any] = {"_temp_dir": str(ray_part(scratch))}
    if sys.platform == "linux" and not _SHARED_MEMORY.is_dir():
        options["_plasma_directory"] = str(scratch)
    for attempt in range(1, _STARTS + 1):
        try:
            with ended_on_failure(), listening_on_loopback():
                _init(
                    address="local",
                    runtime_env={"env_vars": environment},
                    include_dashboard=False,
                    object_store_memory=_OBJECT_STORE_BYTES,
                    **options,
                )
            return
        except Exception as error:  # Ray raises plain ones of many types
            if stopped_by(error) is not None:
                raise
            if _SLOW in str(error) and attempt < _STARTS:
                ray.shutdown()
                continue
            raise PkdError(
                f"Ray does not start on this machine: {reason_of(str(error))}. Its logs are in "
                f"{ray_part(scratch)}/session_latest/logs until the study is started again"
            ) from error


def _for_workers() -> dict[str, str]:
    """Returns the variables of workers, with the driver's choice about telemetry."""
    telemetry = {name: os.environ.get(name, off) for name, off in TELEMETRY_OFF.items()}
    return _WORKERS | telemetry


def _init(**options: Any) -> None:
    """Calls `ray.init` from a folder without foreign code.

    Workers import first from the folder in which Ray is started. The current one may hold the
    user's data, and a torch.py in it would be run.
    """
    here = os.getcwd()
    os.chdir(checkout() or config_folder())
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    except SystemExit:  # Ray's own handler of SIGTERM
        raise Terminated from None
    finally:
        os.chdir(here)


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
