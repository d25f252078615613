"""The Ray of a study dies, or cannot live here: the study goes on by itself, or says why not."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.commands.study_process import TIMEOUT, Finished, Study, session_members

pytestmark = pytest.mark.slow


def kill_of_ray(study: Study, process: "subprocess.Popen[str]", name: str) -> None:
    """Kills one of Ray's own processes, e.g. ``gcs_server``."""
    (member,) = [
        member
        for member in session_members(process.pid)
        if Path(f"/proc/{member}/cmdline").read_bytes().split(b"\0")[0].endswith(name.encode())
    ]
    os.kill(member, signal.SIGKILL)


def test_a_study_outlives_its_ray(finished: Finished, tmp_path: Path) -> None:
    study = Study(tmp_path / "run", finished.study.data, finished.study.model)
    with study.started() as process:
        study.wait_for(process, "teachers", 2)
        # As `timeout` and `scancel` do: Ray's processes end before the driver can stop them.
        os.killpg(process.pid, signal.SIGTERM)
        began = time.monotonic()
        output, _ = process.communicate(timeout=TIMEOUT)
        assert time.monotonic() - began < 30
    assert process.returncode == 143, output
    *_, last = output.splitlines()
    assert last.startswith("interrupted: recorded results are kept. To continue: python ")
    with study.started() as process:
        study.wait_for(process, "search", 4)
        kill_of_ray(study, process, "gcs_server")
        study.wait_for(process, "confirm", 3)
        kill_of_ray(study, process, "raylet")
        output, _ = process.communicate(timeout=TIMEOUT)
        deadline = time.monotonic() + 30
        while left := session_members(process.pid):
            assert time.monotonic() < deadline, f"processes {left} are still alive"
            time.sleep(0.1)
    assert process.returncode == 0, output
    for name in ("gcs_server", "raylet"):
        assert f"Ray's process {name} ended: recorded results are kept, and the study " in output
    assert study.numbers() == finished.study.numbers()


def test_too_little_address_space_is_refused_before_anything_is_prepared(
    finished: Finished, tmp_path: Path
) -> None:
    study = Study(tmp_path / "run", finished.study.data, finished.study.model)
    done = subprocess.run(
        ["bash", "-c", 'ulimit -S -v 3000000; exec "$@"', "bash", *study.command],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: the limits of this shell allow 3,000,000 kB of address space for a process, but "
        "Ray needs 4,000,000: raise it by `ulimit -v 4000000` or more\n"
    )
