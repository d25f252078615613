"""Trials that travel to a worker and run there."""

import importlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from ray import cloudpickle

from pkd.training.training_run import Files
from study.trials.lazy_trainable import LazyTrainable, pack, ship_by_value
from study.trials.study_trial import StudyTrial
from tests.support.commands.study_process import ROOT
from tests.support.studies.works import PKD, work_of

MODULE = "module_of_a_user"
CODE = """
FACTOR = 3


def triple(number):
    return FACTOR * number


class Triples:
    def __init__(self, work):
        self.work = work

    def step(self):
        return {"report": triple(self.work)}
"""
WORKER = f"""
import importlib.util, sys
from pathlib import Path
from study.trials.lazy_trainable import LazyTrainable

assert importlib.util.find_spec({MODULE!r}) is None
print(LazyTrainable({{"packed": Path(sys.argv[1]).read_bytes()}}).step())
"""


def test_an_error_that_names_its_cause_is_reported_and_not_raised(
    tmp_path: Path, files: Files
) -> None:
    lost = work_of(tmp_path, replace(files, signals=tmp_path / "lost"), PKD)
    lazy_trainable = LazyTrainable(pack(StudyTrial, lost))
    assert str(tmp_path / "lost") in lazy_trainable.step()["error"]
    # The same process can take another trial.
    lazy_trainable.reset_config(pack(StudyTrial, work_of(tmp_path, files)))
    assert lazy_trainable.step()["report"].epoch == 1


def run_in_worker(folder: Path, packed: bytes) -> "subprocess.CompletedProcess[str]":
    """Runs a packed trial in a process that cannot import the user's module."""
    file = folder / "packed"
    file.write_bytes(packed)
    return subprocess.run(
        [sys.executable, "-c", WORKER, str(file)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_code_of_a_module_that_workers_cannot_import_arrives_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, worker = tmp_path / "code", tmp_path / "worker"
    code.mkdir()
    worker.mkdir()
    (code / f"{MODULE}.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(code))
    module = importlib.import_module(MODULE)
    try:
        by_name = pack(module.Triples, 14)["packed"]
        ship_by_value([MODULE])
        by_value = pack(module.Triples, 14)["packed"]
        cloudpickle.unregister_pickle_by_value(module)
    finally:
        del sys.modules[MODULE]
    # Without `ship_by_value` the worker tries to import the module.
    assert f"No module named {MODULE!r}" in run_in_worker(worker, by_name).stderr
    done = run_in_worker(worker, by_value)
    assert done.stdout == "{'report': 42}\n", done.stderr
