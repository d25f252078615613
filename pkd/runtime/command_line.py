"""What the commands of this package share: options, exit codes, messages.

torch is not imported here, so that ``--help`` and typing errors are answered at once.
"""

import argparse
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from pkd.errors import InputError, PkdError
from pkd.runtime.environment import TELEMETRY_OFF, variables
from pkd.runtime.exit_codes import INCOMPLETE, WRONG_USAGE
from pkd.runtime.first_moment import leave_at_once
from pkd.runtime.interruption import (
    exit_code,
    ignore_further_interrupts,
    raise_on_signals,
    stopped_by,
)
from pkd.runtime.redaction import without_secrets
from pkd.runtime.streams import drop_unwritable, prepare_streams, reader_has_left
from pkd.runtime.validation import check_arguments
from pkd.shown_text import lines

Hint = Callable[[BaseException], str]


def make_parser(prog: str, doc: str | None) -> argparse.ArgumentParser:
    """Returns a parser for a command, whose help is its module's docstring."""
    return CommandParser(
        prog=prog,
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


class CommandParser(argparse.ArgumentParser):
    """The parser of a command, whose messages show every character of a wrong argument."""

    def error(self, message: str) -> NoReturn:
        """Prints the message and ends the process with code 2."""
        super().error(lines(without_secrets(message)))


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
    hint: Hint = lambda error: "",
) -> int:
    """Runs a command and returns its exit code.

    Args:
        parser: the command's options.
        work: runs the command with the parsed options and returns the exit code.
        argv: the arguments; those of the process by default.
        hint: see `exit_code_of`.

    Returns:
        See `exit_code_of`.
    """
    arguments = sys.argv[1:] if argv is None else argv

    def checked() -> int:
        options = parser.parse_args(arguments)
        check_arguments(arguments)
        return work(options)

    return exit_code_of(checked, hint)


def exit_code_of(work: Callable[[], int], hint: Hint = lambda error: "") -> int:
    """Runs a function as a command: with printable streams, signals, and one message at its end.

    Args:
        work: returns an exit code.
        hint: returns what the message of an error tells besides the error, e.g. how to go on.

    Returns:
        The code that ``work`` returns. An expected error is printed as one message; the code is
        then 2 for input that cannot be used and 1 for any other failure, exhausted memory too. It
        is 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP, and 1 without a message if the
        reader of the output has left.
    """
    code = INCOMPLETE
    try:
        raise_on_signals()
        prepare_streams()
        with variables(TELEMETRY_OFF):
            code = work()
        sys.stdout.flush()  # here, where a failure can still be told
        return code
    except SystemExit as done:  # after help or wrong usage
        code = done.code if isinstance(done.code, int) else INCOMPLETE
        raise
    except BaseException as error:
        code = _ended_by(error, hint)
        return code
    finally:
        leave_at_once(code)
        drop_unwritable()


def _ended_by(error: BaseException, hint: Hint) -> int:
    """Prints the message of an expected error and returns its exit code; raises another one."""
    if (stop := stopped_by(error)) is not None:
        ignore_further_interrupts()
        _print_last("interrupted" + hint(stop))
        return exit_code(stop)
    if isinstance(error, BrokenPipeError) and reader_has_left():
        return INCOMPLETE
    if not isinstance(error, PkdError) and _out_of_memory(error):
        error = PkdError(
            "the machine's memory ran out: free some, or work on less at once (a smaller model, "
            f"shorter texts, smaller batches, fewer trials at once). It was told: {error!r}"
        )
    if not isinstance(error, (PkdError, OSError)):
        raise error
    _print_last(f"error: {error}{hint(error)}")
    return WRONG_USAGE if isinstance(error, InputError) else INCOMPLETE


def _print_last(message: str) -> None:
    with contextlib.suppress(OSError):  # nobody reads it
        say(message)


def _out_of_memory(error: BaseException) -> bool:
    if "torch" not in sys.modules:  # it is not imported only for this
        return isinstance(error, MemoryError)
    from pkd.runtime.memory import is_out_of_memory

    return isinstance(error, Exception) and is_out_of_memory(error)


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


def say(text: object) -> None:
    """Prints lines about progress to stderr; all of their characters but secrets can be seen."""
    print(lines(without_secrets(str(text))), file=sys.stderr, flush=True)


def tell(text: object) -> None:
    """Prints lines of a command's result to stdout, as `say` does."""
    print(lines(without_secrets(str(text))))
