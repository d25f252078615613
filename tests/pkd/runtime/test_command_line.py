"""The commands: fast help, early messages, exit codes."""

import argparse
import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from pkd.errors import ExportError, InputError
from pkd.runtime.command_line import run_command
from pkd.runtime.first_moment import SIGNALS
from pkd.runtime.interruption import Terminated
from tests.support.commands.command import hear_signals

ROOT = Path(__file__).resolve().parents[3]
SLOW = {"torch", "transformers", "pandas", "pyarrow", "ray"}


def code_and_modules(module: str, *arguments: str) -> tuple[object, set[str]]:
    """Runs a command in a new process; returns its exit code and the modules that it loaded."""
    code = (
        f"import contextlib, io, json, sys; from {module} import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        f"    try: code = main({list(arguments)!r})\n"
        "    except SystemExit as done: code = done.code\n"
        "print(json.dumps([code, list(sys.modules)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    exit_code, modules = json.loads(done.stdout)
    return exit_code, set(modules)


@pytest.mark.parametrize("module", ["pkd.export", "pkd.predict", "pkd.benchmark"])
def test_help_is_printed_without_the_slow_imports(module: str) -> None:
    code, modules = code_and_modules(module, "--help")
    assert code == 0 and modules & SLOW == set()


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("pkd.export", ["run", "--task=rte", "--to=x", "--threads=0"]),
        ("pkd.export", ["run", "--task=rte", "--to=x", "--seconds=0"]),
        ("pkd.predict", ["model", "--input=a.csv", "--output=b.csv", "--batch-size=0"]),
        ("pkd.benchmark", ["run", "--repeats=1"]),
    ],
)
def test_wrong_values_are_reported_before_torch_is_loaded(
    module: str, arguments: list[str]
) -> None:
    code, modules = code_and_modules(module, *arguments)
    assert code == 2 and modules & {"torch", "transformers"} == set()


def caused_by(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def ending(error: BaseException) -> int:
    """Runs a command that ends with an error; returns its exit code."""

    def work(options: argparse.Namespace) -> int:
        raise error

    return run_command(argparse.ArgumentParser(), work, [])


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """A command changes how signals are handled; pytest goes on as before."""
    handlers = {each: signal.getsignal(each) for each in SIGNALS}
    yield
    for each, handler in handlers.items():
        signal.signal(each, handler)


@pytest.mark.parametrize(
    ("error", "code"),
    [(InputError("x is 1"), 2), (ExportError("x is 1"), 1), (OSError("x is 1"), 1)],
)
def test_an_expected_error_is_one_message(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(error) == code
    assert capsys.readouterr().err == "error: x is 1\n"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 9.3 TiB"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_exhausted_memory_is_one_message(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(error) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: the machine's memory ran out: free some, or ")
    assert message.count("\n") == 1 and repr(error) in message


@pytest.mark.parametrize(
    ("stop", "code"),
    [
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
        (Terminated(signal.SIGHUP), 129),
        (caused_by(SystemError("call"), KeyboardInterrupt()), 130),
    ],
)
def test_a_signal_is_one_line(
    stop: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(stop) == code
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), SystemError("bad call"), RuntimeError("x")]
)
def test_an_unexpected_error_keeps_its_traceback(error: Exception) -> None:
    with pytest.raises(type(error)):
        ending(error)


# In a process of its own ----------------------------------------------------------------------

WAITING = """
import argparse, sys, time
from pkd.runtime.command_line import run_command
def work(options):
    print("ready", flush=True)
    time.sleep(60)
sys.exit(run_command(argparse.ArgumentParser(), work, []))
"""


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_sent_signal_ends_a_command(sent: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_signals,
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.send_signal(sent)
        _, told = process.communicate(timeout=30)
    assert (process.returncode, told) == (code, "interrupted\n")


PRINTING = """
import argparse, sys
from pkd.runtime.command_line import run_command
def work(options):
    for _ in range({lines}):
        print({text!a})
    return 0
sys.exit(run_command(argparse.ArgumentParser(), work, []))
"""


def printed(
    text: str, redirected: str = "", lines: int = 1, **env: str
) -> tuple[int, bytes, bytes]:
    """Runs a command that prints a text, in a shell."""
    code = PRINTING.format(text=text, lines=lines)
    done = subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$0" -c "$1" {redirected}', sys.executable, code],
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


TEXT = "70.1 ± 0.2 – … † größe \udcff ☃"
ASCII = b"70.1 +- 0.2 - ... + gr\\xf6\\xdfe \\udcff \\u2603\n"
POSIX = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"PYTHONIOENCODING": "ascii"}, ASCII),
        ({"PYTHONIOENCODING": "ascii:surrogateescape"}, ASCII),
        (POSIX, ASCII),
        ({"PYTHONIOENCODING": "latin-1"}, b"70.1 \xb1 0.2 - ... + gr\xf6\xdfe \\udcff \\u2603\n"),
        (
            {"PYTHONIOENCODING": "cp1252"},
            b"70.1 \xb1 0.2 \x96 \x85 \x86 gr\xf6\xdfe \\udcff \\u2603\n",
        ),
        ({"PYTHONIOENCODING": "utf-8"}, TEXT.replace("\udcff", "\\udcff").encode() + b"\n"),
    ],
)
def test_every_text_can_be_printed(env: dict[str, str], expected: bytes) -> None:
    assert printed(TEXT, **env) == (0, expected, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_ends_a_command_in_silence(unbuffered: str) -> None:
    code, out, told = printed("line", "| head -1", 20_000, PYTHONUNBUFFERED=unbuffered)
    assert (code, out, told) == (1, b"line\n", b"")


@pytest.mark.parametrize("redirected", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_streams_that_are_closed_are_no_error(redirected: str) -> None:
    code, _, told = printed("line", redirected)
    assert (code, told) == (0, b"")


def test_an_output_that_cannot_be_written_is_one_message() -> None:
    code, _, told = printed("line", "> /dev/full")
    assert code == 1 and told == b"error: [Errno 28] No space left on device\n"
