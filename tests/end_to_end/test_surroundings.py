"""A study writes nothing beside --out and the temporary folder, and leaves its process as it was.

Its home folder cannot be written, its temporary folder has a long path, or it runs in a thread.
"""

import getpass
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.commands.study_process import ROOT, SHORT, TIMEOUT, Study, session_members

pytestmark = pytest.mark.slow

FROM_A_THREAD = """
import logging, os, signal, sys, threading
from pathlib import Path
from study import load_study_config, run_study

config, data, model, out = sys.argv[1:]
study = load_study_config(Path(config), [], tasks=["rte"], data__dir=data, teacher__model=model)

def state():
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    return handlers, logging.getLogger("ray.tune").level, dict(os.environ)

before = state()
thread = threading.Thread(target=run_study, args=(study, out))
thread.start()
thread.join()
after = state()
# Ray sets the others by itself, in every program that uses it.
for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_MODE", "RAY_CLIENT_MODE", "PYTHONBREAKPOINT"):
    for *_, variables in (before, after):
        variables.pop(name, None)
assert after == before, set(after[-1].items()) ^ set(before[-1].items())
"""
_NOBODY = 65534
# Tests lie in folders that only root can enter, and so may Python. The user may read there too.
_AS_NOBODY = [
    *("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
]


class NobodysStudy(Study):
    """A study that an ordinary user runs."""

    @property
    def command(self) -> list[str]:
        """The command, as the user ``nobody`` if the tests run as root."""
        return [*(_AS_NOBODY if os.getuid() == 0 else []), *super().command]


@pytest.fixture
def study(tiny_data: Path, tiny_model: Path, tmp_path: Path) -> Study:
    """A short study with home and temporary folders of its own, as a new user's: empty."""
    environment = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "t")}
    for folder in environment.values():
        Path(folder).mkdir()
    return Study(tmp_path / "run", tiny_data, tiny_model, "rte", SHORT, environment)


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """A new folder whose path is short enough for the sockets of Ray."""
    folder = Path(f"/tmp/p{os.getpid()}")
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def test_nothing_is_left_in_the_home_and_temporary_folders_even_after_a_kill(
    study: Study, short_tmp: Path
) -> None:
    study = replace(study, environment=study.environment | {"TMPDIR": str(short_tmp)})
    with study.started() as process:
        study.wait_for(process, "teachers", 1)
        (scratch,) = short_tmp.glob("pkd-*")
        assert scratch.stat().st_mode & 0o777 == 0o700
        process.kill()
    assert scratch.exists()
    done = study.run()
    assert done.returncode == 0, done.stdout
    assert f"note: removed {scratch}, which an earlier session left" in done.stdout
    assert list(Path(study.environment["HOME"]).rglob("*")) == []
    assert {path.name for path in short_tmp.iterdir()} <= {
        f"pkd-study-{os.getuid()}",  # matplotlib's list of fonts
        f"torchinductor_{getpass.getuser()}",  # of torch; empty
    }


def test_an_ordinary_user_with_a_read_only_home_and_a_long_temporary_folder(
    study: Study, tmp_path: Path
) -> None:
    if os.getuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root cannot become an ordinary user here: setpriv is not installed")
    home = Path(study.environment["HOME"])
    folder = tmp_path / ("slurm_job_1234567_" + "x" * 80)
    folder.mkdir()
    study = NobodysStudy(**vars(study))
    study.environment["TMPDIR"] = str(folder)
    if os.getuid() == 0:
        for path in (tmp_path, folder):
            os.chown(path, _NOBODY, _NOBODY)
    home.chmod(0o555)
    try:
        done = study.run()
    finally:
        home.chmod(0o755)
    assert done.returncode == 0, done.stdout
    assert "note: Ray works in /tmp, because TMPDIR is too long" in done.stdout
    assert study.out.stat().st_uid != 0


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


def test_a_study_in_a_thread_with_a_read_only_home_leaves_its_process_as_it_was(
    study: Study, tmp_path: Path, mounted: Callable[[Path, str], Path]
) -> None:
    (tmp_path / "script.py").write_text(FROM_A_THREAD, encoding="utf-8")
    _ = study.command  # writes the configuration
    home = tmp_path / "read-only"
    if os.getuid() == 0:  # whom permissions do not stop
        home = mounted(home, "1m")
        subprocess.run(["mount", "-o", "remount,ro", str(home)], check=True)
    else:
        home.mkdir(mode=0o555)
    words = [tmp_path / "script.py", tmp_path / "run.yaml", study.data, study.model, study.out]
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        env=os.environ | {"HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stderr
    assert (study.out / "report" / "report.md").exists(), done.stdout + done.stderr


def test_ctrl_c_while_ray_starts_leaves_no_process_and_no_folder(
    study: Study, short_tmp: Path
) -> None:
    study = replace(study, environment=study.environment | {"TMPDIR": str(short_tmp)})
    with study.started() as process:
        while not list(short_tmp.glob("pkd-*/r/*/sockets/raylet")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        left = session_members(process.pid)
    assert process.returncode == 130, output
    assert left == [] and list(short_tmp.glob("pkd-*")) == []
