"""The real command in a session of its own, and the end of everything that it started."""

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

ROOT = Path(__file__).resolve().parents[3]
# Ray, Optuna and the model from loading to loading: seconds on a quiet machine.
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
        # No trial predicts one class only: such trials are made up for by others.
        "space": {
            "learning_rate": {"low": 1e-3, "high": 2e-3, "log": True},
            "beta": [1.0, 3.0],
        },
    },
    "confirm": {"seeds": 2},
    # One trial at a time makes all numbers repeatable; a checkpoint after every step lets an
    # interrupted trial go on in its middle.
    "resources": {"max_concurrent": 1, "cpus_per_trial": 1, "checkpoint_every_s": 0},
}

# A teacher and a student of one trial each: all five stages, as short as they get.
SHORT = CONFIG | {
    "methods": ["ft"],
    "teacher": {"trials": 1, "epochs": 2, "learning_rate": [1e-3]},
    "search": {"trials": 1, "asha": None},
    "confirm": {"seeds": 1},
}


@dataclass
class Study:
    """A study of tiny tasks and its command line.

    Attributes:
        out: its folder on this machine.
        data: ``--data``.
        model: ``--model``.
        tasks: ``--tasks``.
        config: what its YAML file holds.
        environment: what its process finds besides our own environment.
        given_out: ``--out`` where it is not the path of ``out``: a URI, of which ``out`` is the
            driver's copy, or a relative path.
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
        """The command that begins the study and goes on with it."""
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
        """Starts the command; whatever of it still runs afterwards is killed."""
        process = subprocess.Popen(
            [*self.command, *more],
            cwd=self.out.parent,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # A shell lets what it starts in the background ignore Ctrl-C, and children inherit it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            yield process
        finally:
            end_session(process.pid)
            process.wait()

    def events(self, stage: str | None = None) -> list[dict[str, Any]]:
        """What the ledger holds."""
        return Ledger(self.out / "ledger").events(stage)

    def wait_for(self, process: "subprocess.Popen[str]", stage: str, reports: int) -> None:
        """Waits until a stage (``""``: all stages) has so many reports."""
        deadline = time.monotonic() + TIMEOUT
        folder = self.out / "ledger" / stage
        while len(list(folder.rglob("report-*.json"))) < reports:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, f"{stage} has not come to {reports} reports"
            time.sleep(0.02)

    def numbers(self) -> dict[str, Any]:
        """All of the ledger but times: settings, seeds, decisions, scores and losses."""
        numbers: dict[str, Any] = {}
        for event in self.events():
            key = f"{event['stage']}/{event['task']}-{event['depth']}-{event['method']}"
            kind = f"{event['event']} {event.get('epoch', '')}".strip()
            place = numbers.setdefault(f"{key}/{event['trial']}", {})
            assert kind not in place, f"{key}/{event['trial']} has {kind} twice"
            place[kind] = {name: event[name] for name in event.keys() - _TIMES}
        return numbers


class Finished(NamedTuple):
    """A study that has run to its end, and what it wrote to its terminal."""

    study: Study
    output: str


_TIMES = {"time", "seq", "seconds", "train_seconds", "eval_seconds", "folder"}


def end_session(leader: int) -> None:
    """Kills every process of a session that we started, Ray's among them, and waits for it."""
    deadline = time.monotonic() + 30
    while members := session_members(leader):
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        assert time.monotonic() < deadline, f"processes {members} cannot be killed"
        time.sleep(0.05)


def session_members(leader: int, name: str = "") -> list[int]:
    """The living processes of a session whose command begins with a name."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,stat=,args="], capture_output=True, text=True)
    members = []
    for line in listed.stdout.splitlines():
        pid, state, command = line.split(maxsplit=2)
        with contextlib.suppress(ProcessLookupError):
            alive = not state.startswith("Z") and os.getsid(int(pid)) == leader
            if alive and command.startswith(name):
                members.append(int(pid))
    return members
