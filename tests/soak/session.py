"""One command of the soak's study, whose driver is this process's child."""

import contextlib
import copy
import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.soak.moments import Lengths, event_files
from tests.support.commands.command import hear_signals
from tests.support.commands.study_process import CONFIG, Study

# A command that ends later than this hangs, on however busy a machine.
_PATIENCE_S = 1200


def study_of(out: Path, inputs: Path, workers: int) -> Study:
    """Returns a tiny study with all stages: two tasks, two methods, ASHA."""
    config = copy.deepcopy(CONFIG)
    config["resources"]["max_concurrent"] = workers
    return Study(out, inputs / "data", inputs / "model", config=config)


@dataclass
class Session:
    """A started command.

    Attributes:
        process: the driver; it leads a session and a process group.
        output: file with what it prints.
        at_start: how many events the ledger had before.
    """

    process: "subprocess.Popen[bytes]"
    output: Path
    at_start: int

    def end(self) -> int:
        """Waits for the driver and returns its exit code.

        Raises:
            subprocess.TimeoutExpired: if it hangs.
        """
        return self.process.wait(timeout=_PATIENCE_S)

    @property
    def last_words(self) -> str:
        """The end of what the command printed."""
        return self.output.read_text(errors="replace")[-2000:]


def start(study: Study, output: Path) -> Session:
    """Starts the command, as soon as no other driver of its study lives."""
    card = study.out / "driver.json"
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        driver = json.loads(card.read_text())["pid"]
        while psutil.pid_exists(driver) and card.exists():
            time.sleep(1)
    at_start = len(event_files(study.out))
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("wb") as file:
        process = subprocess.Popen(
            study.command,
            cwd=study.out.parent,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Background processes of a shell ignore Ctrl-C, and children inherit that.
            preexec_fn=hear_signals,
        )
    return Session(process, output, at_start)


def undisturbed(study: Study, folder: Path) -> Lengths:
    """Runs a study to its end and returns how long each of its moments lasts, in seconds."""
    lengths_file = folder / "lengths.json"
    if not lengths_file.exists():
        began = time.time()
        session = start(study, folder / "reference.out")
        if code := session.end():
            raise SystemExit(f"the undisturbed study ended with {code}: {session.last_words}")
        ended = time.time()
        events = study.events()
        lengths = {"start": events[0]["time"] - began, "report": ended - events[-1]["time"]}
        lengths |= {"resume": lengths["start"], "again": lengths["report"]}
        for stage in dict.fromkeys(event["stage"] for event in events):
            times = [event["time"] for event in events if event["stage"] == stage]
            lengths[stage] = times[-1] - times[0]
        lengths_file.write_text(json.dumps(lengths))
    lengths: Lengths = json.loads(lengths_file.read_text())
    return lengths
