"""What needs no torch is told before torch is imported."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_slip_is_told_before_the_seconds_of_imports(tmp_path: Path) -> None:
    slips = [["--tasks", "rtee"], ["--config", str(tmp_path / "gone.yaml")], ["--set", "dpths=3"]]
    code = (
        "import sys; from study.command_line import main; "
        f"print(*map(main, {slips!r}), *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    codes, modules = done.stdout.split()[:3], done.stdout.split()[3:]
    assert codes == [b"2"] * 3, done.stderr
    assert not {b"torch", b"transformers", b"ray"} & set(modules)
