"""What the commands of this package share: options, exit codes, messages.

torch is not imported here, so that ``--help`` and typing errors are answered at once.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from pkd.errors import InputError, PkdError
from pkd.runtime.validation import check_arguments


def make_parser(prog: str, doc: str | None) -> argparse.ArgumentParser:
    """Returns a parser for a command, whose help is its module's docstring."""
    return argparse.ArgumentParser(
        prog=prog,
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def make_run_parser(prog: str, doc: str | None) -> argparse.ArgumentParser:
    """Returns the same for a command that reads a study: with ``RUN_DIR`` and ``--threads``."""
    parser = make_parser(prog, doc)
    parser.add_argument(
        "run_dir", metavar="RUN_DIR", type=Path, help="the folder of a study (its --out)"
    )
    parser.add_argument("--threads", type=int, help="CPU threads; torch's choice by default")
    return parser


def run_command(
    parser: argparse.ArgumentParser,
    work: Callable[[argparse.Namespace], int],
    argv: list[str] | None,
) -> int:
    """Runs a command and returns its exit code.

    Args:
        parser: the command's options.
        work: runs the command with the parsed options and returns the exit code.
        argv: the arguments; those of the process by default.

    Returns:
        The code that ``work`` returns. An error is printed as one message; the code is then 2 for
        input that cannot be used and 1 for any other failure.
    """
    arguments = sys.argv[1:] if argv is None else argv
    options = parser.parse_args(arguments)
    try:
        check_arguments(arguments)
        return work(options)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except _failures() as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _failures() -> tuple[type[BaseException], ...]:
    """The errors that end a command with one message; torch's only if torch is loaded."""
    torch = sys.modules.get("torch")
    return (PkdError, OSError) + (() if torch is None else (torch.OutOfMemoryError,))


def use_threads(threads: int | None) -> None:
    """Sets the number of CPU threads; None leaves the choice to torch.

    Raises:
        InputError: if the number is below 1.
    """
    if threads is None:
        return
    if threads < 1:
        raise InputError(f"--threads is {threads}, but must be >= 1")
    import torch

    torch.set_num_threads(threads)


def say(text: str) -> None:
    """Prints a line about progress to stderr; stdout is for a command's result."""
    print(text, file=sys.stderr, flush=True)
