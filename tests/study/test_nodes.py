"""A study on a cluster of several nodes, one of which dies."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from ray_cluster import ray_cluster
from study_process import TIMEOUT, Finished, Study, session_members

pytestmark = pytest.mark.slow

EPOCHS, TRIALS = 3, 8  # of the confirm stage


def in_training(study: Study) -> int:
    """Trials of the confirm stage that have begun and not ended."""
    logs = (study.out / "logs" / "confirm").rglob("*.log")
    ends = (study.out / "ledger" / "confirm").rglob("end.json")
    return sum(log.read_text().count(" epochs done") for log in logs) - len(list(ends))


def stop_in_mid_epoch(study: Study, node: int) -> None:
    """Stops the process of a node's trial while it trains, and the other node's does so too."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        assert time.monotonic() < deadline, "no two trials train at once"
        for trial in session_members(node, "ray::ResourceTrainable.train"):
            os.kill(trial, signal.SIGSTOP)
            # The other node's trial may be between two, but not for long.
            patience = time.monotonic() + 2
            while trial in session_members(node, "ray::ResourceTrainable.train"):
                if in_training(study) == 2:
                    return
                if time.monotonic() > patience:
                    break
                time.sleep(0.02)
            os.kill(trial, signal.SIGCONT)
        time.sleep(0.02)


def test_sigkill_of_a_node_moves_its_trial_and_disturbs_no_other(
    finished: Finished, tmp_path: Path
) -> None:
    # The confirm stage: its trials are the same however many run at once.
    study = Study(tmp_path / "run", finished.study.data, finished.study.model)
    shutil.copytree(finished.study.out, study.out)
    for folder in ("ledger/confirm", "ledger/predict", "logs/confirm", "models"):
        shutil.rmtree(study.out / folder)
    with ray_cluster() as cluster:
        cluster.start(cpus=0)
        first, _ = cluster.start(cpus=1), cluster.start(cpus=1)
        study.environment = cluster.environment
        more = ["--address", cluster.address, "--set", "resources.max_concurrent=2"]
        with study.started(*more) as process:
            study.wait_for(process, "confirm", 2)
            stop_in_mid_epoch(study, first)
            cluster.kill(first)
            output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, output
    assert study.numbers() == finished.study.numbers()
    logs = [path.read_text() for path in (study.out / "logs" / "confirm").rglob("*.log")]
    assert len(logs) == TRIALS
    # The killed trial alone began a second time, and no epoch but the one in which it was killed
    # was trained twice.
    assert sum(log.count(" epochs done") for log in logs) == TRIALS + 1
    epochs = sum(log.count(" INFO epoch ") for log in logs)
    assert TRIALS * EPOCHS - 1 <= epochs <= TRIALS * EPOCHS + 1
