"""The README's example of the trainable in a user's own Tuner runs as it is printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from study_process import ROOT, TIMEOUT, Finished

MARKER = "<!-- example: own-tuner -->"


def example() -> str:
    """The Python block that follows the marker."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count(MARKER) == 1, f"README.md must hold {MARKER} once"
    block = re.match(r"\s*```python\n(.*?)\n```", text.split(MARKER)[1], re.DOTALL)
    assert block is not None, f"a Python block must follow {MARKER}"
    return block[1]


def test_the_example_is_python_of_some_twenty_lines() -> None:
    code = example()
    compile(code, "README.md", "exec")
    assert "DistilTrainable" in code and len(code.splitlines()) <= 30


@pytest.mark.slow
def test_the_example_trains(finished: Finished, tmp_path: Path) -> None:
    script = tmp_path / "own_tuner.py"
    script.write_text(example(), encoding="utf-8")
    environment = {
        "DATA": str(finished.study.data),
        "MODEL": str(finished.study.out / "teachers" / "rte"),
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
