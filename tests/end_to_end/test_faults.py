"""Real faults under the real command: finished work is kept, and the same command resumes.

A disturbed study has the same numbers as an undisturbed one (one worker, one seed).
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.support.commands.study_process import TIMEOUT, Finished, Study, session_members

pytestmark = pytest.mark.slow


def study_in(folder: Path, finished: Finished) -> Study:
    return Study(folder / "run", finished.study.data, finished.study.model)


def finish(study: Study, finished: Finished) -> str:
    """Runs the command to its end and compares; `numbers` fails if an event occurs twice."""
    done = study.run()
    assert done.returncode == 0, done.stdout
    assert study.numbers() == finished.study.numbers()
    return done.stdout


def flip_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


# Processes ------------------------------------------------------------------------------------


def test_a_study_resumes_after_its_driver_is_killed_interrupted_and_terminated(
    finished: Finished, tmp_path: Path
) -> None:
    rng = Random(11)
    study = study_in(tmp_path, finished)
    stop_with_ctrl_c(study, tmp_path)
    # A stage, and the most further reports before the kill; the search has 12 to 36 reports.
    for stage, reports in {"teachers": 3, "signals": 1, "search": 6}.items():
        kill_driver(study, stage, rng.randint(1, reports), rng.uniform(0, 0.3))
    terminate(study, "search")
    for stage, reports in {"confirm": 11, "predict": 3}.items():
        kill_driver(study, stage, rng.randint(1, reports), rng.uniform(0, 0.3))
    finish(study, finished)


def kill_driver(study: Study, stage: str, more: int, later: float) -> None:
    """Sends SIGKILL ``later`` seconds after a stage has ``more`` further reports."""
    recorded = reports_of(study, stage)
    with study.started() as process:
        study.wait_for(process, stage, recorded + more)
        time.sleep(later)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    # Ray's scratch files are not needed to resume.
    shutil.rmtree(study.out / "ray", ignore_errors=True)


def stop_with_ctrl_c(study: Study, folder: Path) -> None:
    """Sends Ctrl-C twice, after the command was started a second time and refused."""
    with study.started() as process:
        while not (study.out / "driver.json").exists():
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.05)
        second = subprocess.run(study.command, capture_output=True, text=True, cwd=folder)
        assert second.returncode == 2 and f"process {process.pid} on " in second.stderr
        study.wait_for(process, "teachers", 3)  # the first driver is not disturbed
        for _ in range(2):
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.4)
        ended_by(process, 130)
        deadline = time.monotonic() + TIMEOUT
        while members := session_members(process.pid):
            assert time.monotonic() < deadline, f"processes {members} are still alive"
            time.sleep(0.1)


def terminate(study: Study, stage: str) -> None:
    """Sends SIGTERM."""
    recorded = reports_of(study, stage)
    with study.started() as process:
        study.wait_for(process, stage, recorded + 1)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        ended_by(process, 143)
        assert time.monotonic() - began < 30


def reports_of(study: Study, stage: str) -> int:
    return sum(event["event"] == "report" for event in study.events(stage))


def ended_by(process: "subprocess.Popen[str]", code: int) -> None:
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == code, output
    assert "To continue: python" in output and "Traceback" not in output


def test_a_study_survives_sigkill_of_its_trials_processes(
    finished: Finished, tmp_path: Path
) -> None:
    study = study_in(tmp_path, finished)
    with study.started() as process:
        for stage, reports in (("teachers", 3), ("search", 4), ("confirm", 5)):
            study.wait_for(process, stage, reports)
            trials = session_members(process.pid, "ray::ResourceTrainable")
            assert trials
            for trial in trials:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(trial, signal.SIGKILL)
        output, _ = process.communicate(timeout=TIMEOUT)
    # The same driver finished the study.
    assert process.returncode == 0, output
    assert study.numbers() == finished.study.numbers()


# Disks ----------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(mounted: Callable[[Path, str], Path], tmp_path: Path) -> Path:
    """A file system of 64 MB with a name that needs quotes."""
    return mounted(tmp_path / "größe & maß 模型", "64m")


def test_a_disk_that_fills_up_costs_nothing_that_was_finished(
    finished: Finished, small_disk: Path
) -> None:
    study = study_in(small_disk, finished)
    # A relative --out and a home folder that cannot be written.
    study.given_out = "run"
    study.environment = {"HOME": "/nonexistent", "HF_HOME": "/nonexistent/hub"}
    filler = small_disk / "filler"
    with study.started() as process:
        study.wait_for(process, "search", 3)
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1, output
    assert "no space left on the disk for" in output and "To continue: python" in output
    filler.unlink()
    finish(study, finished)


def test_a_disk_that_cannot_be_written_is_refused(finished: Finished, small_disk: Path) -> None:
    study = study_in(small_disk, finished)
    study.out.mkdir()
    command = study.command
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert done.returncode == 2 and "cannot write in" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_teacher_is_not_used(
    finished: Finished, tmp_path: Path, without_ray: Callable
) -> None:
    study = study_in(tmp_path, finished)
    shutil.copytree(finished.study.out, study.out)
    flip_byte(study.out / "teachers" / "rte" / "model.safetensors")
    done = without_ray(study, "--set", "search.trials=4")
    assert done.returncode == 1
    assert "teachers/rte/model.safetensors is damaged" in done.stdout
