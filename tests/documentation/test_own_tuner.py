"""The example of the trainable in a user's own Tuner runs as ``docs/extend.md`` prints it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documentation.documents import example
from tests.support.commands.study_process import ROOT, TIMEOUT, Finished

# The last example uses names of the examples before it.
EXAMPLES = ("own-loop", "new-loss", "own-tuner")


@pytest.mark.slow
def test_the_example_trains(finished: Finished, tmp_path: Path) -> None:
    script = tmp_path / "own_tuner.py"
    script.write_text("\n".join(map(example, EXAMPLES)), encoding="utf-8")
    (tmp_path / "data").symlink_to(finished.study.data)
    (tmp_path / "teacher").symlink_to(finished.study.out / "teachers" / "rte")
    environment = {
        # It must not join a cluster that happens to run here.
        "RAY_ADDRESS": "local",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stderr  # also if a trial has an error
    # Its last lines: whether the best model is constant, where it is, its score.
    *_, found, score = done.stdout.splitlines()
    assert 0 <= float(score) <= 1
    constant, folder = found.split(" ", 1)
    assert constant in ("True", "False")
    assert (Path(folder) / "model.safetensors").exists()
    assert Path(folder).is_relative_to(tmp_path / "searches" / "my_search")
