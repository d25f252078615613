"""What is killed: the driver, its group, a worker, a process of Ray; and what shall follow."""

import contextlib
import os
import signal
from collections.abc import Iterator
from random import Random

import psutil

# The exit codes that a kill may lead to. A study survives the loss of a worker or of its own Ray.
EXPECTED = {
    "driver": (-signal.SIGKILL,),
    "group": (-signal.SIGKILL,),
    "ctrl-c": (130,),
    "sigterm": (143,),
    "worker": (0,),
    "raylet": (0,),
    "gcs": (0,),
}
ENDS_DRIVER = ("driver", "group", "ctrl-c", "sigterm")
# How the command lines of a driver's child processes begin, or what they hold.
_CHILDREN = {
    "worker": ("ray::ResourceTrainable", "ray::LazyTrainable"),
    "raylet": ("/raylet/raylet ",),
    "gcs": ("/gcs/gcs_server ",),
}


def deck(kinds: list[str], seed: str) -> Iterator[str]:
    """Yields kinds without end, each as often as the others, in random order."""
    rng = Random(seed)
    while True:
        yield from rng.sample(kinds, len(kinds))


def kill(kind: str, driver: int, rng: Random) -> str:
    """Kills something of a running study.

    Args:
        kind: one of `EXPECTED`.
        driver: process id of the driver, which leads its group and session.
        rng: draws one of several workers.

    Returns:
        What was killed: ``kind``, or ``driver`` if no process of that kind runs.
    """
    if kind in _CHILDREN:
        targets = _children(driver, _CHILDREN[kind])
        if targets:
            with contextlib.suppress(psutil.NoSuchProcess):
                rng.choice(targets).kill()
            return kind
        kind = "driver"
    with contextlib.suppress(ProcessLookupError):
        if kind == "driver":
            os.kill(driver, signal.SIGKILL)
        elif kind == "group":
            os.killpg(driver, signal.SIGKILL)
        elif kind == "ctrl-c":  # a terminal sends it to the whole group
            os.killpg(driver, signal.SIGINT)
        else:
            os.kill(driver, signal.SIGTERM)
    return kind


def _children(driver: int, names: tuple[str, ...]) -> list[psutil.Process]:
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(driver).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                command = " ".join(process.cmdline())
                if any(name in command for name in names):
                    found.append(process)
    return sorted(found, key=lambda process: process.pid)
