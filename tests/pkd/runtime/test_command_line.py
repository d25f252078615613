"""The commands: fast help, early messages, exit codes."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pkd.errors import ExportError, InputError
from pkd.runtime.command_line import run_command

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


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("x is 1"), 2),
        (ExportError("x is 1"), 1),
        (OSError("x is 1"), 1),
        (torch.OutOfMemoryError("x is 1"), 1),
    ],
)
def test_an_expected_error_is_one_message(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(options: argparse.Namespace) -> int:
        raise error

    assert run_command(argparse.ArgumentParser(), work, []) == code
    assert capsys.readouterr().err == "error: x is 1\n"


def test_an_unexpected_error_keeps_its_traceback() -> None:
    def work(options: argparse.Namespace) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_command(argparse.ArgumentParser(), work, [])
