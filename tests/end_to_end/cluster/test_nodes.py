"""A study on a cluster of several nodes, one of which dies."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.commands.ray_cluster import ray_cluster
from tests.support.commands.study_process import TIMEOUT, Finished, Study, session_members

pytestmark = pytest.mark.slow

EPOCHS, TRIALS = 3, 8  # of the confirm stage


def in_mid_epoch(study: Study, trial: int) -> bool:
    """Whether a process has the log of a started trial open, so that it trains or evaluates."""
    logs = str(study.out / "logs" / "confirm")
    for name in Path(f"/proc/{trial}/fd").iterdir():
        path = os.path.realpath(name)
        if path.startswith(logs):
            return " epochs done" in Path(path).read_text()
    return False


def hold_in_mid_epoch(study: Study, process: subprocess.Popen[str], nodes: list[int]) -> list[int]:
    """Stops the process of each node's trial while it trains, and returns the processes."""
    held: dict[int, int] = {}
    while len(held) < len(nodes):
        assert process.poll() is None, "the study ended before every node trained"
        for node in set(nodes) - held.keys():
            for trial in session_members(node, "ray::ResourceTrainable.train"):
                os.kill(trial, signal.SIGSTOP)
                if in_mid_epoch(study, trial):
                    held[node] = trial
                else:
                    os.kill(trial, signal.SIGCONT)
        time.sleep(0.02)
    return [held[node] for node in nodes]


def test_sigkill_of_a_node_moves_its_trial_and_disturbs_no_other(
    finished: Finished, tmp_path: Path
) -> None:
    # The confirm stage: its trials do not depend on how many run at once.
    study = Study(tmp_path / "run", finished.study.data, finished.study.model)
    shutil.copytree(finished.study.out, study.out)
    for folder in ("ledger/confirm", "ledger/predict", "logs/confirm", "models"):
        shutil.rmtree(study.out / folder)
    with ray_cluster() as cluster:
        cluster.start(cpus=0)
        first, second = cluster.start(cpus=1), cluster.start(cpus=1)
        study.environment = cluster.environment
        more = ["--address", cluster.address, "--set", "resources.max_concurrent=2"]
        with study.started(*more) as process:
            study.wait_for(process, "confirm", 2)
            _, other = hold_in_mid_epoch(study, process, [first, second])
            cluster.kill(first)
            os.kill(other, signal.SIGCONT)
            output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, output
    assert study.numbers() == finished.study.numbers()
    logs = [path.read_text() for path in (study.out / "logs" / "confirm").rglob("*.log")]
    assert len(logs) == TRIALS
    # Only the killed trial started a second time, and only the epoch in which it was killed was
    # trained twice.
    assert sum(log.count(" epochs done") for log in logs) == TRIALS + 1
    epochs = sum(log.count(" INFO epoch ") for log in logs)
    assert TRIALS * EPOCHS - 1 <= epochs <= TRIALS * EPOCHS + 1
