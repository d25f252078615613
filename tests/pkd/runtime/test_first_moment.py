"""A signal before and after a command's work ends it with a word at most, never a traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pkd.runtime.first_moment import is_command
from tests.support.commands.command import hear_signals

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("argv", "original", "ours"),
    [
        (["-m", "x"], ["python", "-m", "pkd.predict", "x"], True),
        (["-m"], ["python", "-X", "utf8", "-m", "analysis.report"], True),
        (["-m"], ["python", "-m", "study.run"], True),
        (["/venv/bin/pkd-study", "run"], ["python", "/venv/bin/pkd-study", "run"], True),
        (["study/run.py"], ["python", "study/run.py"], True),
        (["-m"], ["python", "-m", "pytest"], False),
        (["-m"], ["python", "-m", "study_tools.run"], False),
        (["elsewhere/run.py"], ["python", "elsewhere/run.py"], False),
        (["-c"], ["python", "-c", "import pkd"], False),
        ([""], ["python"], False),
    ],
)
def test_only_our_commands_are_guarded(argv: list[str], original: list[str], ours: bool) -> None:
    assert is_command(argv, original) is ours


# Python runs this first. It sends a signal at an import: the first ones after our handlers are
# set, where a hundred follow. Or it sends one when Python ends.
SENDER = """
import atexit, os, signal, sys
number, moment = map(int, os.environ["SEND"].split())
class Sender:
    def __init__(self):
        self.left = 0
    def find_spec(self, name, path=None, target=None):
        if self.left == 0 and signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            self.left = moment
        if self.left > 0:
            self.left -= 1
            if self.left == 0:
                self.left = -1
                os.kill(os.getpid(), number)
if moment:
    sys.meta_path.insert(0, Sender())
else:
    atexit.register(lambda: os.kill(os.getpid(), number))
"""
COMMANDS = [
    ["study/run.py"],
    [str(Path(sys.executable).with_name("pkd-study")), "report"],
    ["-m", "pkd.predict"],
    ["-m", "analysis.report"],
]


def sent(folder: Path, number: int, moment: int, words: list[str]) -> tuple[int, str]:
    """Asks a command for help and sends it a signal; returns its exit code and what it told."""
    (folder / "sitecustomize.py").write_text(SENDER)
    done = subprocess.run(
        [sys.executable, *words, "--help"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(folder), "SEND": f"{number:d} {moment}"},
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=hear_signals,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: Path(words[-1]).name)
@pytest.mark.parametrize("moment", [1, 20])
def test_ctrl_c_while_a_command_imports_is_one_word(
    moment: int, words: list[str], tmp_path: Path
) -> None:
    assert sent(tmp_path, signal.SIGINT, moment, words) == (130, "interrupted\n")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["term", "hangup"]
)
def test_other_signals_while_a_command_imports(number: int, code: int, tmp_path: Path) -> None:
    assert sent(tmp_path, number, 1, COMMANDS[0]) == (code, "interrupted\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_a_command_s_end_does_not_change_its_outcome(
    number: int, tmp_path: Path
) -> None:
    assert sent(tmp_path, number, 0, COMMANDS[0]) == (0, "")
