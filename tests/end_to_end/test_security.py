"""The real command beside pickles and secrets, and the ports that Ray opens."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.train._internal.storage import StorageContext
from ray.tune.experiment import Trial
from ray.tune.result_grid import ResultGrid

from analysis.run_data.runs import RunError, load_run
from pkd.errors import InputError
from study.config.config_file import load_study_config
from study.config.study_config import StudyConfig
from study.planning.resume_check import check_same_study
from study.storage.layout import Layout
from study.storage.store import open_store
from study.tuning.tune_adapters import InterruptedTrials
from tests.support.commands.study_process import ROOT, SHORT, Study, end_session
from tests.support.studies.fake_stage import one_stage

# Files that Ray Tune and Optuna write, and read again when they resume.
RAY_FILES = (
    "tuner.pkl",
    "trainable.pkl",
    "experiment_state-2026-01-01_00-00-00.json",
    "searcher-state-2026-01-01_00-00-00.pkl",
    "search_gen_state-2026-01-01_00-00-00.json",
    "basic-variant-state-2026-01-01_00-00-00.json",
    "callback-states-2026-01-01_00-00-00.pkl",
    "scheduler.pkl",
    "optuna.pkl",
    "study.db",
    "{trial}/error.pkl",
    "{trial}/params.pkl",
    "{trial}/.tune_metadata",
    "{trial}/checkpoint_000000/_dict_checkpoint.pkl",
    "{trial}/checkpoint_000000/.metadata.pkl",
)
EVERYWHERE = ("x.pkl", "pytorch_model.bin", "training_args.bin", "checkpoint.pt", "__init__.py")
SECRET = "s3cr3t-0f-4da"
TOKEN = "hf_0123456789abcdefghijklmnopqrstuvwx"


def plant(folder: Path, trap: Any, *names: str) -> None:
    """Writes the trap into a folder under each name, as Python or as a pickle."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(trap.code.encode() if path.suffix == ".py" else trap.pickled)


def plant_everywhere(study: Study, trap: Any) -> None:
    """Writes the trap into every folder of the study, its data and its model."""
    for top in (study.out, study.data, study.model):
        for folder in [top, *(path for path in top.rglob("*") if path.is_dir())]:
            plant(folder, trap, *EVERYWHERE)


@pytest.mark.slow
def test_a_study_runs_no_pickle_and_records_no_secret(
    tiny_data: Path, tiny_model: Path, tmp_path: Path, trap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("PKD_STUDY_CACHE", str(tmp_path / "cache"))
    data = Path(shutil.copytree(tiny_data, tmp_path / "data"))
    model = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    uri = f"file://{tmp_path}/storage?token={SECRET}"
    study = Study(open_store(uri)[1], data, model, "rte", SHORT, given_out=uri)
    for trial in ("teachers-rte-4-teacher-trial-0000", "confirm-rte-2-ft-seed-0000"):
        names = [name.format(trial=trial) for name in RAY_FILES]
        plant(study.out / "ray" / "trials", trap, *names)
    for folder in ("tokens", "signals", "checkpoints/teachers/rte-4-teacher", "ledger/search"):
        plant(study.out / folder, trap, "trial-0000.pt")
    plant_everywhere(study, trap)
    # In the folder where the command is started, under the names of modules that a trial imports.
    plant(tmp_path, trap, "torch.py", "numpy.py", "transformers.py", "pkd.py")
    # Nothing answers there: the study says so and goes on.
    tracker = f"http://ada:{SECRET}@127.0.0.1:9/x?api_key={SECRET}"
    done = study.run("--set", f"trackers.mlflow={tracker}")
    assert done.returncode == 0, done.stdout
    assert SECRET not in done.stdout
    record = yaml.safe_load((study.out / "study.yaml").read_text())
    assert record["config"]["trackers"]["mlflow"] == "http://***@127.0.0.1:9/x?api_key=***"
    for folder in (study.out, tmp_path / "storage", temporary):
        for path in (each for each in folder.rglob("*") if each.is_file()):
            assert SECRET.encode() not in path.read_bytes(), path
    # Another secret is not another study.
    study.given_out = uri.replace(SECRET, "0ther-s3cret")
    assert study.run("--dry-run").returncode == 0
    files = [study.out / "study.yaml"]
    files += [p for d in ("ledger", "report") for p in (study.out / d).rglob("*") if p.is_file()]
    assert len(files) > 50
    for path in files:
        content = path.read_bytes()
        if trap.pickled != content and trap.code.encode() != content:
            assert str(tmp_path).encode() not in content, path
            assert TOKEN.encode() not in content, path


def test_a_python_tag_in_a_configuration_or_a_record_is_refused(tmp_path: Path, trap: Any) -> None:
    text = f"format: 1\nconfig: !!python/object/apply:os.mkdir ['{trap.folder}']\n"
    layout = Layout(tmp_path)
    layout.study_file.write_text(text)
    with pytest.raises(InputError, match="cannot read the configuration"):
        load_study_config(layout.study_file, [])
    with pytest.raises(InputError, match="cannot read .*study.yaml"):
        check_same_study(layout, StudyConfig())
    with pytest.raises(RunError, match="study.yaml is damaged"):
        load_run(tmp_path)
    override = f"seed=!!python/object/apply:os.mkdir ['{trap.folder}']"
    with pytest.raises(InputError, match="it is not YAML"):
        load_study_config(None, [override])


def test_a_failed_trial_s_error_is_not_read_from_a_pickle(
    tmp_path: Path, trap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TrialDispatcher:
        searches = {"rte-2-ft": "search"}

        def mark_interrupted(self, *work: Any) -> None:
            self.interrupted = work

    storage = StorageContext(str(tmp_path), "search", trial_dir_name="trial-0000")
    trial = Trial("x", config={"cell": "rte-2-ft", "trial": "trial-0000"}, stub=True)
    trial.storage = storage
    # Tune's own `error_file` needs a running Ray.
    error_file = Path(storage.trial_fs_path, "error.txt")
    monkeypatch.setattr(Trial, "error_file", str(error_file))
    dispatcher: Any = TrialDispatcher()
    queue = one_stage(dispatcher)
    for tell in (
        InterruptedTrials(queue).on_trial_recover,
        InterruptedTrials(queue).on_trial_error,
    ):
        trial.run_metadata.error_filename = "error.txt"
        trial.run_metadata.pickled_error_filename = "error.pkl"
        plant(Path(storage.trial_fs_path), trap, "error.pkl")
        error_file.write_text("Traceback\nCacheError: x")
        tell(1, [trial], trial)
        assert ResultGrid._populate_exception(trial) == "Traceback\nCacheError: x"
    assert dispatcher.interrupted == ("search", "trial-0000", "CacheError: x")


_SEEN = """
import contextlib, json, os, sys, psutil, ray
from pathlib import Path
from study.cluster.ray_cluster import start_ray, stop_ray
scratch = start_ray(None, Path.cwd())
path = ray.get(ray.remote(lambda: sys.path).remote())
listening = []
for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
    with contextlib.suppress(psutil.NoSuchProcess):  # Ray's short-lived helpers
        command = " ".join(process.cmdline())
        for connection in process.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN:
                listening.append((command, connection.laddr.ip))
mode = os.environ.get("RAY_AUTH_MODE")
print(json.dumps({"listening": listening, "mode": mode, "path": path, "cwd": os.getcwd()}))
stop_ray(scratch)
"""


@pytest.mark.slow
def test_ray_listens_on_loopback_only_without_dashboard_and_with_its_token(
    tmp_path: Path,
) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    with subprocess.Popen(
        [sys.executable, "-c", _SEEN],
        cwd=tmp_path,
        env=environment | {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            seen = json.loads(process.communicate(timeout=300)[0].splitlines()[-1])
        finally:
            end_session(process.pid)
    # The driver, GCS, a raylet and a worker.
    assert len(seen["listening"]) >= 4
    addresses = {address.removeprefix("::ffff:") for _, address in seen["listening"]}
    assert addresses <= {"127.0.0.1", "::1"}
    for server in ("dashboard.py", "ray.util.client"):
        assert not [command for command, _ in seen["listening"] if server in command]
    assert seen["mode"] == "token" and not (tmp_path / ".ray").exists()
    # The folder where the command is started may contain data.
    assert seen["cwd"] == str(tmp_path) and str(tmp_path) not in seen["path"]
