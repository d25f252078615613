"""Whether this machine can start Ray: checked before any data are prepared."""

import os
import socket
import sys
from pathlib import Path
from typing import NamedTuple

from pkd.errors import InputError
from study.cluster.ray_scratch import LONGEST_NAME
from study.cluster.trial_share import trial_share
from study.config.sections import Resources

_LONGEST = 103 if sys.platform == "darwin" else 107  # bytes in the path of a Unix socket
# The longest path of a socket in the temporary folder.
_SOCKET = f"{LONGEST_NAME}/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
_SYSTEM = Path("/tmp")


class RayFolder(NamedTuple):
    """The temporary folder in which a study makes the one for Ray's sockets and logs.

    Attributes:
        path: the temporary folder.
        note: why it is not in the folder that the user asked for; empty if it is.
    """

    path: Path
    note: str = ""


def ray_folder() -> RayFolder:
    """Returns the temporary folder in which Ray can work.

    It is the folder that ``RAY_TMPDIR`` or ``TMPDIR`` names, by default /tmp. Where that path is
    too long for a socket, as in many Slurm jobs, it is /tmp.

    Raises:
        InputError: if the folder cannot be used.
    """
    name, asked = _asked()
    if (problem := _problem(asked)) is None:
        return RayFolder(asked)
    if not _too_long(asked):
        raise InputError(
            f"Ray cannot use the temporary folder {asked} ({name}): {problem}. Set RAY_TMPDIR "
            "to a folder that exists and can be written to"
        )
    if (elsewhere := _problem(_SYSTEM)) is None:
        return RayFolder(
            _SYSTEM,
            f"note: Ray works in {_SYSTEM}, because {name} is too long a path for its sockets",
        )
    raise InputError(
        f"the temporary folder {asked} ({name}) is too long a path for Ray's sockets, and "
        f"{_SYSTEM} cannot be used either: {elsewhere}. Set RAY_TMPDIR to a folder that can be "
        f"written to, with a path of at most {_LONGEST - len('/') - len(_SOCKET)} bytes"
    )


def check_local_share(resources: Resources) -> None:
    """Checks that this machine has what a trial shall get.

    Raises:
        InputError: if it has fewer CPUs or GPUs.
    """
    if resources.cpus_per_trial is None and resources.gpus_per_trial is None:
        return
    import torch

    from study.cluster.ray_internals import cpus_of_this_machine

    there = (cpus_of_this_machine(), float(torch.cuda.device_count()))
    trial_share(resources, [there], where="this machine has")


def _asked() -> tuple[str, Path]:
    """Returns the temporary folder that Ray takes by itself, and what names it."""
    # On a Mac Ray leaves out TMPDIR, which is always long there.
    for name in ("RAY_TMPDIR",) if sys.platform == "darwin" else ("RAY_TMPDIR", "TMPDIR"):
        if folder := os.environ.get(name):
            return name, Path(folder).absolute()
    return "the system's default", _SYSTEM


def _too_long(folder: Path) -> bool:
    return len(os.fsencode(folder / _SOCKET)) > _LONGEST


def _problem(folder: Path) -> str | None:
    """Returns why a socket of Ray cannot be in a folder: there is no better test than to try."""
    if _too_long(folder):
        return "its path is too long"
    path = folder / f"pkd-{os.getpid()}"
    try:
        with socket.socket(socket.AF_UNIX) as trial:
            trial.bind(str(path))
        path.unlink()
    except OSError as error:
        return error.strerror or str(error)
    return None
