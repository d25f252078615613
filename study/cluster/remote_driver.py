"""``--address ray://…``: the driver itself runs on the cluster's head, this terminal shows it.

Ray's client cannot drive Tune with callbacks of ours, and a study must not end with a laptop's
connection half-way through a ledger event. So the whole command is sent, and its output read.
"""

import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
import yaml

from pkd.errors import InputError
from study.config.study_config import StudyConfig

_ROOT = Path(__file__).resolve().parents[2]
_HEAD = "node:__internal_head__"
_LEFT_OUT = [".git", ".venv", "runs", "tests", "docs", "build", "**/__pycache__"]


class RemoteDriver:
    """The command as a process on the cluster's head."""

    def __init__(self, config: str, options: list[str]) -> None:
        file = Path(tempfile.mkdtemp()) / "study.yaml"
        file.write_text(config, encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "study/run.py", "--config", str(file), "--address", "auto", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def read(self) -> tuple[str, int | None]:
        """The next line; at the end of the output the exit code."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return line, None if line else self._process.wait()

    def interrupt(self) -> None:
        """What Ctrl-C would do."""
        self._process.send_signal(signal.SIGINT)


def run_on_cluster(
    address: str, config: StudyConfig, out: str | None, dry_run: bool, show: Callable[[str], None]
) -> int:
    """Runs the study on the cluster and shows its output.

    Args:
        address: ``ray://host:port``, where ``ray start --head`` serves its clients.
        config: the configuration; the paths in it are those of the cluster.
        out: ``--out``.
        dry_run: ``--dry-run``.
        show: writes a piece of output.

    Returns:
        The exit code of the command.

    Raises:
        InputError: if nothing answers at the address, or Ray's client is not installed.
    """
    options = ["--out", out or ""] + (["--dry-run"] if dry_run else [])
    text = yaml.safe_dump(config.model_dump(mode="json"))
    try:
        ray.init(
            address,
            runtime_env={"working_dir": str(_ROOT), "excludes": _LEFT_OUT},
            log_to_driver=False,
        )
    except ImportError as error:
        raise InputError(
            f"--address {address} needs Ray's client ({error}): pip install 'pkd-study[cluster]'"
        ) from None
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(f"--address {address} does not answer: {error}") from None
    try:
        # Two calls at once: one waits for the output, the other may interrupt.
        actor = ray.remote(RemoteDriver).options(
            num_cpus=0, resources={_HEAD: 0.001}, max_concurrency=2
        )
        driver: Any = actor.remote(text, options)
        while True:
            try:
                line, code = ray.get(driver.read.remote())
            except KeyboardInterrupt:
                with contextlib.suppress(KeyboardInterrupt):
                    ray.get(driver.interrupt.remote())
                continue
            show(line)
            if code is not None:
                return int(code)
    finally:
        ray.shutdown()
