"""``--address ray://…``: runs the driver on the cluster's head and shows its output here.

Ray's client cannot drive Tune with callbacks of ours, and a study must not depend on a laptop's
connection. So the whole command is sent, and its output is read.
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
from study.installation import checkout, package_folder

_HEAD = "node:__internal_head__"
_EXCLUDED = [".git", ".venv", "runs", "tests", "docs", "build", "**/__pycache__"]


class RemoteDriver:
    """The study's command as a process on the cluster's head."""

    def __init__(self, config: str, options: list[str]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        file = Path(self._folder.name) / "study.yaml"
        file.write_text(config, encoding="utf-8")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "study.run"),
                *("--config", str(file), "--address", "auto", *options),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def read(self) -> tuple[str, int | None]:
        """Returns the next line; at the end of the output an empty line and the exit code."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            return line, None
        code = self._process.wait()
        self._folder.cleanup()
        return "", code

    def interrupt(self) -> None:
        """Interrupts the command as Ctrl-C would."""
        self._process.send_signal(signal.SIGINT)


def _code() -> dict[str, Any]:
    """Returns the runtime environment that sends our code to the head, and nothing else."""
    root = checkout()
    if root is not None:
        return {"working_dir": str(root), "excludes": _EXCLUDED}
    return {"py_modules": [str(package_folder(name)) for name in ("pkd", "study", "analysis")]}


def run_on_cluster(
    address: str, config: StudyConfig, out: str | None, dry_run: bool, show: Callable[[str], None]
) -> int:
    """Runs the study on the cluster and shows its output.

    Args:
        address: ``ray://host:port``, where ``ray start --head`` serves its clients.
        config: the configuration, with paths as the cluster sees them.
        out: value of ``--out``.
        dry_run: whether ``--dry-run`` is given.
        show: prints a piece of output.

    Returns:
        The command's exit code.

    Raises:
        InputError: if nothing answers at the address, or Ray's client is not installed.
    """
    options = ["--out", out or ""] + (["--dry-run"] if dry_run else [])
    text = yaml.safe_dump(config.model_dump(mode="json"))
    try:
        ray.init(
            address,
            runtime_env=_code(),
            log_to_driver=False,
        )
    except ImportError as error:
        raise InputError(
            f"--address {address} needs Ray's client ({error}): pip install 'pkd-study[cluster]'"
        ) from None
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(f"--address {address} does not answer: {error}") from None
    try:
        # Two concurrent calls: one waits for output, the other may interrupt.
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
