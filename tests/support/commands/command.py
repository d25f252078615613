"""Runs the command in its own process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).resolve().parents[3] / "study" / "run.py"


CONFIG = {
    "name": "tiny",
    "depths": [2],
    "teacher": {"trials": 1, "epochs": 1, "learning_rate": [1e-3]},
    "train": {"epochs": 1, "max_length": 32},
    "search": {"trials": 2, "asha": None},
    "confirm": {"seeds": 1},
}


def hear_signals() -> None:
    """Undoes, in a new process, what a background shell and ``nohup`` do: they ignore signals."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def run(options: list[str], cwd: Path) -> "subprocess.CompletedProcess[str]":
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(cwd / "empty")}
    return subprocess.run(
        [sys.executable, str(RUN), *options],
        env=os.environ | offline,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
    )
