"""A study writes nothing into the home folder, needs no short TMPDIR, and runs in any thread."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.commands.study_process import ROOT, SHORT, TIMEOUT, Study

pytestmark = pytest.mark.slow

FROM_A_THREAD = """
import signal, sys, threading
from pathlib import Path
from study import load_study_config, run_study

config, data, model, out = sys.argv[1:]
study = load_study_config(Path(config), [], tasks=["rte"], data__dir=data, teacher__model=model)
before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
thread = threading.Thread(target=run_study, args=(study, out))
thread.start()
thread.join()
assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
"""


@pytest.fixture
def study(tiny_data: Path, tiny_model: Path, tmp_path: Path) -> Study:
    """A short study with a home folder of its own, as a new user's: empty."""
    (tmp_path / "home").mkdir()
    environment = {"HOME": str(tmp_path / "home")}
    return Study(tmp_path / "run", tiny_data, tiny_model, "rte", SHORT, environment)


def test_nothing_is_written_into_the_home_folder(study: Study) -> None:
    done = study.run()
    assert done.returncode == 0, done.stdout
    assert list(Path(study.environment["HOME"]).rglob("*")) == []


def test_a_temporary_folder_with_a_long_path_is_no_obstacle(study: Study, tmp_path: Path) -> None:
    folder = tmp_path / ("slurm_job_1234567_" + "x" * 80)
    folder.mkdir()
    study = replace(study, environment=study.environment | {"TMPDIR": str(folder)})
    done = study.run()
    assert done.returncode == 0, done.stdout
    assert "note: Ray works in /tmp/ray, because TMPDIR is too long" in done.stdout


@pytest.mark.parametrize(
    ("environment", "config", "message"),
    [
        ({"TMPDIR": "/nowhere"}, {}, "the temporary folder /nowhere (TMPDIR): No such file"),
        ({}, {"resources": {"cpus_per_trial": 4096}}, "a trial needs 4096 CPUs and 0 GPUs"),
        ({}, {"resources": {"gpus_per_trial": 99}}, "and 99 GPUs of one node"),
    ],
)
def test_what_ray_would_refuse_is_refused_before_anything_is_prepared(
    study: Study, environment: dict[str, str], config: dict[str, object], message: str
) -> None:
    study = replace(study, config=SHORT | config, environment=study.environment | environment)
    done = study.run()
    assert done.returncode == 2
    (line,) = [line for line in done.stdout.splitlines() if "note:" not in line]
    assert line.startswith("error: ") and message in line
    assert not (study.out / "ledger").exists() and not list(study.out.rglob("*.npy"))


def test_a_study_runs_in_a_thread_that_is_not_the_main_one(study: Study, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(FROM_A_THREAD, encoding="utf-8")
    _ = study.command  # writes the configuration
    words = [tmp_path / "script.py", tmp_path / "run.yaml", study.data, study.model, study.out]
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        env=os.environ | study.environment | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stderr
    assert (study.out / "report" / "report.md").exists(), done.stdout + done.stderr
