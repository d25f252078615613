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
    assert done.returncode == 0, done.stderr
    # Its last line is the best score.
    assert 0 <= float(done.stdout.splitlines()[-1]) <= 1
