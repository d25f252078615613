"""Measures the cost of a node that is lost in the middle of a study.

A head and two workers, one of which is killed with SIGKILL: real `ray start` processes on this
machine, the real command, a small study of 24 trials of tiny models. Trials write a checkpoint
after every step.

python -m tests.benchmarks.scale.lost_node [--runs 3]
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from tests.support.commands.ray_cluster import RayCluster, ray_cluster
from tests.support.commands.study_process import TIMEOUT, Study, session_members
from tests.support.studies.tiny_inputs import write_data, write_model

STAGES = ("teachers", "search", "confirm")


def counts(study: Study, line: str) -> list[int]:
    """Returns, for each trial, how often its log contains ``line``."""
    logs = [path for stage in STAGES for path in (study.out / "logs" / stage).rglob("*.log")]
    return [log.read_text().count(line) for log in logs]


def starts(study: Study) -> list[int]:
    """Returns how often each trial started or resumed."""
    return counts(study, " epochs done")


def lose_a_node(study: Study, cluster: RayCluster) -> dict[str, float]:
    """Runs the study; one worker dies in the search and another one joins. Returns the counts."""
    cluster.start(cpus=0)
    first, _ = cluster.start(cpus=1), cluster.start(cpus=1)
    study.environment = cluster.environment
    more = ["--address", cluster.address, "--set", "resources.max_concurrent=2"]
    with study.started(*more) as process:
        study.wait_for(process, "search", 4)
        while not session_members(first, "ray::ResourceTrainable.train"):
            time.sleep(0.01)
        killed = time.monotonic()
        cluster.kill(first)
        cluster.start(cpus=1)
        joined = time.monotonic() - killed
        while max(starts(study)) == 1 and process.poll() is None:
            time.sleep(0.05)
        recovered = time.monotonic() - killed
        output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, output
    reports = sum(e["event"] == "report" and e["stage"] in STAGES for e in study.events())
    return {
        "trials": len(starts(study)),
        "moved": sum(starts(study)) - len(starts(study)),
        "epochs": reports,
        "repeated": sum(counts(study, " INFO epoch ")) - reports,
        "node joined after s": joined,
        "trial resumed after s": recovered,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        (folder / "model").mkdir()
        write_data(folder / "data")
        write_model(folder / "model")
        for run in range(options.runs):
            study = Study(folder / str(run) / "out", folder / "data", folder / "model")
            with ray_cluster() as cluster:
                found.append(lose_a_node(study, cluster))
            print(found[-1], flush=True)
    for key in found[0]:
        values = [run[key] for run in found]
        print(f"{key}: {statistics.median(values):.1f} ({min(values):.1f}–{max(values):.1f})")


if __name__ == "__main__":
    main()
