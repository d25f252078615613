"""Tells whether Ray is dead: the one that this process started, or a cluster."""

import contextlib
import socket
import time
from collections.abc import Callable

import ray

from study.cluster.ray_internals import dead_processes

# Ray's core ends the driver when the cluster's head has been silent for 60 s.
_SILENCE_S = 45.0
_CONNECT_S = 5.0


def death_here() -> str:
    """Returns what ended of the Ray that this process started; empty while all of it lives."""
    dead = dead_processes()
    return f"Ray's process {dead[0]} ended" if dead else ""


class ClusterPulse:
    """Asks a cluster that this process has joined for signs of life.

    Args:
        address: of the cluster, for messages.
        head: host and port of the cluster's control service.
        alive: returns whether the node of this process belongs to the cluster; it is called only
            when the head answers.
        clock: returns the time in seconds.
    """

    def __init__(
        self,
        address: str,
        head: tuple[str, int],
        alive: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address, self._head, self._alive, self._clock = address, head, alive, clock
        self._answered = clock()

    def death(self) -> str:
        """Returns why the cluster counts as dead; empty while it lives or its head restarts."""
        if not self.answers():
            silent = self._clock() - self._answered
            lost = (
                f"the Ray cluster at --address {self._address} has not answered for {silent:.0f} s"
            )
            return lost if silent >= _SILENCE_S else ""
        self._answered = self._clock()
        if self._alive():
            return ""
        return f"this machine has left the Ray cluster at --address {self._address}"

    def answers(self) -> bool:
        """Returns whether the head answers now."""
        with contextlib.suppress(OSError):
            socket.create_connection(self._head, timeout=_CONNECT_S).close()
            return True
        return False


def pulse_of(address: str) -> ClusterPulse:
    """Returns the pulse of the cluster that this process has joined."""
    context = ray.get_runtime_context()
    host, _, port = context.gcs_address.rpartition(":")
    node = context.get_node_id()

    def alive() -> bool:
        return any(each["NodeID"] == node and each["Alive"] for each in ray.nodes())

    return ClusterPulse(address, (host.strip("[]"), int(port)), alive)
