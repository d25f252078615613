"""A Ray cluster on this machine whose nodes share only the kernel and the disk."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.commands.study_process import end_session

_OBJECT_STORE_BYTES = 100_000_000
_OWN_DISK = ["unshare", "--mount", "sh", "-ec", 'mount -t tmpfs tmpfs "$0"; exec "$@"']


@dataclass
class RayCluster:
    """Nodes that `ray start` started, each in its own session, and their shared token.

    Attributes:
        folder: holds each node's temporary files and start-up output. Its path is short because
            Ray puts sockets below it.
        port: port of the head, on loopback.
        nodes: the running nodes, each by its session's leader; the head is the first.
    """

    folder: Path
    port: int
    nodes: list[int] = field(default_factory=list)

    @property
    def address(self) -> str:
        """The value of ``--address``."""
        return f"127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment with which a node or a driver may join."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.folder / "token")}

    def start(self, cpus: int, own_disk_at: Path | None = None) -> int:
        """Starts a node, the head first, and waits until it runs.

        Args:
            cpus: number of CPUs that it offers.
            own_disk_at: folder that becomes the node's own disk: it does not see what others
                write there.

        Returns:
            The leader of the node's session.
        """
        number = len(list(self.folder.glob("*.log"))) + 1
        where = ["--head", f"--port={self.port}", "--include-dashboard=false"]
        if self.nodes:
            where = [f"--address={self.address}"]
        options = {
            # A driver joins the node of its own address: the head, which no test kills.
            "node-ip-address": f"127.0.0.{number}",
            "num-cpus": cpus,
            "num-gpus": 0,
            "object-store-memory": _OBJECT_STORE_BYTES,
            "temp-dir": self.folder / str(number),
            # Any free ports: two nodes of one machine have the same default range.
            "min-worker-port": 0,
            "max-worker-port": 0,
        }
        log = self.folder / f"{number}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                (_OWN_DISK + [str(own_disk_at)] if own_disk_at else [])
                + [sys.executable, "-m", "ray.scripts.scripts", "start", "--disable-usage-stats"]
                + where
                + [f"--{name}={value}" for name, value in options.items()],
                env=os.environ | self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.nodes.append(process.pid)
        assert process.wait() == 0, log.read_text()
        return process.pid

    def kill(self, node: int) -> None:
        """Kills all processes of a node by SIGKILL, as if its machine were lost."""
        self.nodes.remove(node)
        end_session(node)


@contextlib.contextmanager
def ray_cluster() -> Iterator[RayCluster]:
    """A cluster without nodes; those that still run after the block are killed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="ray-") as name:
        cluster = RayCluster(Path(name), port)
        token = cluster.folder / "token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32))
        try:
            yield cluster
        finally:
            for node in list(cluster.nodes):
                cluster.kill(node)
