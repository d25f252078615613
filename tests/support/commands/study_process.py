"""Runs the real command in its own session, and ends every process that it started."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from study.storage.ledger import Ledger
from tests.support.commands.command import hear_signals

ROOT = Path(__file__).resolve().parents[3]
# Seconds to wait for a study; on a quiet machine it takes far less.
TIMEOUT = 900.0

CONFIG: dict[str, Any] = {
    "name": "tiny",
    "depths": [2],
    "methods": ["ft", "pkd-skip"],
    "teacher": {"trials": 2, "epochs": 2, "learning_rate": [1e-3, 3e-3]},
    "train": {"epochs": 3, "batch_size": 16, "max_length": 32},
    "search": {
        "trials": 3,
        "asha": {"grace_epochs": 2, "reduction_factor": 2},
        # With this space no trial predicts a single class and is replaced by a new one.
        "space": {
            "learning_rate": {"low": 1e-3, "high": 2e-3, "log": True},
            "beta": [1.0, 3.0],
        },
    },
    "confirm": {"seeds": 2},
    # One trial at a time makes all numbers repeatable. A checkpoint after every step lets an
    # interrupted trial resume within an epoch.
    "resources": {"max_concurrent": 1, "cpus_per_trial": 1, "checkpoint_every_s": 0},
}

# One trial for the teacher and one for the student: the shortest study with all five stages.
SHORT = CONFIG | {
    "methods": ["ft"],
    "teacher": {"trials": 1, "epochs": 2, "learning_rate": [1e-3]},
    "search": {"trials": 1, "asha": None},
    "confirm": {"seeds": 1},
}


@dataclass
class Study:
    """A study of tiny tasks, and its command line.

    Attributes:
        out: its folder on this machine.
        data: ``--data``.
        model: ``--model``.
        tasks: ``--tasks``.
        config: content of its YAML file.
        environment: variables that its process gets in addition to ours.
        given_out: ``--out`` if it is not the path of ``out``: a URI (``out`` is then the driver's
            copy) or a relative path.
    """

    out: Path
    data: Path
    model: Path
    tasks: str = "rte,sst2"
    config: dict[str, Any] = field(default_factory=lambda: CONFIG)
    environment: dict[str, str] = field(default_factory=dict)
    given_out: str = ""

    @property
    def command(self) -> list[str]:
        """The command that starts or resumes the study."""
        path = self.out.parent / f"{self.out.name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(self.config))
        options = {"--tasks": self.tasks, "--config": path, "--data": self.data}
        options |= {"--model": self.model, "--out": self.given_out or self.out}
        words = [str(word) for option in options.items() for word in option]
        return [sys.executable, str(ROOT / "study" / "run.py"), *words]

    def run(self, *more: str) -> "subprocess.CompletedProcess[str]":
        """Runs the command to its end."""
        with self.started(*more) as process:
            output, _ = process.communicate(timeout=TIMEOUT)
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    @contextlib.contextmanager
    def started(self, *more: str) -> Iterator["subprocess.Popen[str]"]:
        """Starts the command; kills all processes that are left afterwards."""
        process = subprocess.Popen(
            [*self.command, *more],
            cwd=self.out.parent,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # Background processes of a shell ignore Ctrl-C, and children inherit that.
            preexec_fn=hear_signals,
        )
        try:
            yield process
        finally:
            end_session(process.pid)
            process.wait()

    def events(self, stage: str | None = None) -> list[dict[str, Any]]:
        """Returns the events of the ledger."""
        return Ledger(self.out / "ledger").events(stage)

    def wait_for(self, process: "subprocess.Popen[str]", stage: str, reports: int) -> None:
        """Waits until a stage (``""``: all stages) has ``reports`` epoch reports."""
        deadline = time.monotonic() + TIMEOUT
        folder = self.out / "ledger" / stage
        while len(list(folder.rglob("report-*.json"))) < reports:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, f"{stage} has fewer than {reports} reports"
            time.sleep(0.02)

    def numbers(self) -> dict[str, Any]:
        """Returns the ledger without times: settings, seeds, decisions, scores and losses."""
        numbers: dict[str, Any] = {}
        for event in self.events():
            key = f"{event['stage']}/{event['task']}-{event['depth']}-{event['method']}"
            kind = f"{event['event']} {event.get('epoch', '')}".strip()
            place = numbers.setdefault(f"{key}/{event['trial']}", {})
            assert kind not in place, f"{key}/{event['trial']} has {kind} twice"
            place[kind] = {name: event[name] for name in event.keys() - _TIMES}
        return numbers


class Finished(NamedTuple):
    """A complete study and its terminal output."""

    study: Study
    output: str


_TIMES = {"study", "time", "seq", "seconds", "train_seconds", "eval_seconds", "folder"}


def end_session(leader: int) -> None:
    """Kills every process of a session that we started, including Ray's, and waits for it."""
    deadline = time.monotonic() + 30
    while members := session_members(leader):
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        assert time.monotonic() < deadline, f"processes {members} cannot be killed"
        time.sleep(0.05)


def session_members(leader: int, name: str = "") -> list[int]:
    """Returns the living processes of a session whose command starts with ``name``."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,stat=,args="], capture_output=True, text=True)
    members = []
    for line in listed.stdout.splitlines():
        pid, state, command = line.split(maxsplit=2)
        with contextlib.suppress(ProcessLookupError):
            alive = not state.startswith("Z") and os.getsid(int(pid)) == leader
            if alive and command.startswith(name):
                members.append(int(pid))
    return members
