"""What this package's command lines have in common: options, exit codes, words on the way."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from pkd.errors import InputError, PkdError
from pkd.runtime.validation import check_arguments


def make_parser(module: str, doc: str | None) -> argparse.ArgumentParser:
    """A parser of ``python -m MODULE``, whose help is the module's docstring."""
    return argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def make_run_parser(module: str, doc: str | None) -> argparse.ArgumentParser:
    """The same for a command that works on a study: ``run_dir`` and ``threads``."""
    parser = make_parser(module, doc)
    parser.add_argument("run_dir", metavar="RUN_DIR", type=Path, help="what study/run.py wrote")
    parser.add_argument("--threads", type=int, help="CPU threads; torch's choice by default")
    return parser


def run_command(
    parser: argparse.ArgumentParser,
    work: Callable[[argparse.Namespace], int],
    argv: list[str] | None,
) -> int:
    """Runs a command line to its exit code.

    Args:
        parser: of its options.
        work: does it, and gives the code.
        argv: the arguments; those of the process by default.

    Returns:
        What ``work`` gives; after one message, 2 for input that cannot be used and 1 for what
        went wrong.
    """
    arguments = sys.argv[1:] if argv is None else argv
    options = parser.parse_args(arguments)
    try:
        check_arguments(arguments)
        return work(options)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (PkdError, OSError, torch.OutOfMemoryError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def use_threads(threads: int | None) -> None:
    """Sets how many CPU threads compute; None leaves it to torch.

    Raises:
        InputError: if that is none.
    """
    if threads is None:
        return
    if threads < 1:
        raise InputError(f"--threads is {threads}, but must be >= 1")
    torch.set_num_threads(threads)


def say(text: str) -> None:
    """Tells a person about the work, apart from what a command prints as its result."""
    print(text, file=sys.stderr, flush=True)
