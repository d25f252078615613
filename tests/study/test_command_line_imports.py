"""Help and messages that need no torch come before torch is imported."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_typing_error_is_reported_before_torch_is_loaded(tmp_path: Path) -> None:
    errors = [["--tasks", "rtee"], ["--config", str(tmp_path / "gone.yaml")], ["--set", "dpths=3"]]
    code = (
        "import sys; from study.command_line import main; "
        f"print(*map(main, {errors!r}), *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    codes, modules = done.stdout.split()[:3], done.stdout.split()[3:]
    assert codes == [b"2"] * 3, done.stderr
    assert not {b"torch", b"transformers", b"ray"} & set(modules)
