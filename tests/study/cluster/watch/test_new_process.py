"""A command runs itself anew, counts how often, or ends, from any thread."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from study.cluster.watch.new_process import deaths_in_a_row

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize(
    ("recorded", "counted", "deaths"),
    [(7, None, 1), (7, "1 7", 2), (7, "2 7", 3), (8, "2 7", 1), (0, "1 0", 2)],
)
def test_only_deaths_without_progress_are_counted(
    recorded: int, counted: str | None, deaths: int
) -> None:
    environment = {} if counted is None else {"PKD_RAY_DEATHS": counted}
    assert deaths_in_a_row(recorded, environment) == deaths


# The main thread is held, as Ray's compiled code holds it.
HELD = """
import os, sys, threading, time
from study.cluster.watch.new_process import deaths_in_a_row, end_with, run_anew
print(os.getpid(), sys.argv[1:], flush=True)
def act():
    if deaths_in_a_row(5) < 3:
        print("again")
        run_anew(5)
    end_with("error: enough", 1)
threading.Thread(target=act).start()
time.sleep(60)
"""


def test_a_process_runs_anew_with_its_arguments_and_ends(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELD, "--tasks", "a b"],
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if key != "PKD_RAY_DEATHS"},
        capture_output=True,
        text=True,
        timeout=50,
    )
    first, *others = done.stdout.splitlines()
    assert first.endswith(" ['--tasks', 'a b']")
    assert others == ["again", first, "again", first]  # with the same process id
    assert (done.returncode, done.stderr) == (1, "error: enough\n")
