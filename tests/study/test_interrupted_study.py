"""A study whose driver dies or is interrupted ends with the trials and numbers of one that ran on.

Every interruption is a real signal to the real command, at moments drawn from a seed.
"""

import os
import signal
import time
from pathlib import Path
from random import Random

import pytest
from study_process import TIMEOUT, Finished, Study

pytestmark = pytest.mark.slow

# A stage, and the number of reports after which the driver dies: in the middle of a trial, of a
# cell, of a stage. Teachers report 8 times, the search up to 36 times, the confirmation 24 times.
MOMENTS = {"teachers": (1, 6), "search": (2, 15), "confirm": (2, 20)}


def test_sigkill_loses_no_trial_and_repeats_none(finished: Finished, tmp_path: Path) -> None:
    rng = Random(20)
    study = Study(tmp_path / "run", finished.study.data, finished.study.model)
    for stage, (low, high) in MOMENTS.items():
        with study.started() as process:
            study.wait_for(process, stage, rng.randint(low, high))
            time.sleep(rng.uniform(0, 0.3))
            # The driver alone: what Ray started has to end by itself or is killed after it.
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    done = study.run()
    assert done.returncode == 0, done.stdout
    # `numbers` fails where a trial has an event twice. Same trials, settings, scores and losses.
    assert study.numbers() == finished.study.numbers()


def test_sigint_ends_with_130_and_the_next_call_finishes(
    finished: Finished, tmp_path: Path
) -> None:
    study = Study(tmp_path / "run", finished.study.data, finished.study.model)
    with study.started() as process:
        study.wait_for(process, "search", 4)
        # As a terminal does it: to the driver and to all that it started.
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130, output
    # The last lines say how to go on, and no traceback hides them.
    assert "interrupted" in output and "To go on: python" in output
    assert f"--out {study.out}" in output and "Traceback" not in output
    done = study.run()
    assert done.returncode == 0, done.stdout
    assert study.numbers() == finished.study.numbers()
