"""The Slurm script with fake `srun` and `scontrol`: signals, token, exit codes."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.commands.study_process import end_session

SCRIPT = Path(__file__).resolve().parents[3] / "configs" / "cluster" / "study.sbatch"

# Every node is this machine; a Slurm task is a process.
SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do
    [[ $1 == --ntasks=* ]] && tasks=${1#*=}
    shift
done
trap 'kill $(jobs -p)' TERM
for ((i = 0; i < tasks; i++)); do "$@" & done
wait
wait
"""
SCONTROL = """#!/bin/bash
case $1 in
    show) printf 'node-%s\\n' 1 2 ;;
    requeue) echo "$2" > requeued ;;
esac
"""
# A Ray that only waits.
NO_RAY = """#!/bin/bash
[[ $1 == start ]] && exec sleep 60
exit 0
"""
WAITING_DRIVER = """
import pathlib, signal, sys

def stop(signum, frame):
    sys.exit(143)

signal.signal(signal.SIGTERM, stop)
pathlib.Path("started").touch()
signal.pause()
"""
RAY_DRIVER = """
import json, pathlib, sys, time
import ray

address = sys.argv[sys.argv.index("--address") + 1]
ray.init(address=address, log_to_driver=False)
while sum(node["Alive"] for node in ray.nodes()) < 2:
    time.sleep(0.1)
# Two tasks at once do not fit one node of one CPU.
where = ray.remote(num_cpus=1)(lambda: time.sleep(1) or ray.get_runtime_context().get_node_id())
nodes = set(ray.get([where.remote(), where.remote()]))
print(json.dumps({"nodes": len(nodes), "arguments": sys.argv[3:]}))
sys.exit(3)
"""


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with Slurm's commands; each test writes its driver."""
    (tmp_path / "study").mkdir()
    executable(tmp_path / "slurm" / "srun", SRUN)
    executable(tmp_path / "slurm" / "scontrol", SCONTROL)
    executable(tmp_path / ".venv/bin/python", f'#!/bin/bash\nexec "{sys.executable}" "$@"\n')
    return tmp_path


def submitted(clone: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Runs the script as Slurm does: in the clone's folder, with Slurm's variables."""
    variables = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_JOB_NODELIST": "node-[1-2]"}
    variables |= {"SLURM_CPUS_PER_TASK": "1", "PATH": f"{clone / 'slurm'}:{os.environ['PATH']}"}
    return subprocess.Popen(
        ["bash", str(SCRIPT), *arguments],
        cwd=clone,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(("signum", "requeued"), [(signal.SIGUSR1, True), (signal.SIGTERM, False)])
def test_the_study_is_stopped_and_queued_again_only_at_its_time_limit(
    clone: Path, signum: signal.Signals, requeued: bool
) -> None:
    executable(clone / ".venv/bin/ray", NO_RAY)
    (clone / "study/run.py").write_text(WAITING_DRIVER)
    process = submitted(clone)
    try:
        wait_for(clone / "started", process)
        [token] = (clone / "runs").iterdir()
        assert len(token.read_text()) == 64 and stat.S_IMODE(token.stat().st_mode) == 0o600
        process.send_signal(signum)
        output, _ = process.communicate(timeout=60)
    finally:
        end_session(process.pid)
    assert process.returncode == 143, output
    assert (clone / "requeued").exists() == requeued
    assert not token.exists()


@pytest.mark.slow
def test_head_and_worker_start_and_the_job_has_the_exit_code_of_the_study(clone: Path) -> None:
    ray = Path(sys.executable).with_name("ray")
    executable(clone / ".venv/bin/ray", f'#!/bin/bash\nexec "{ray}" "$@"\n')
    (clone / "study/run.py").write_text(RAY_DRIVER)
    process = submitted(clone, "--tasks", "rte", "--out", "/shared/run")
    try:
        output, _ = process.communicate(timeout=180)
    finally:
        end_session(process.pid)
        shutil.rmtree(f"/tmp/ray-{os.getpid()}", ignore_errors=True)
    assert process.returncode == 3, output
    assert '{"nodes": 2, "arguments": ["--tasks", "rte", "--out", "/shared/run"]}' in output
