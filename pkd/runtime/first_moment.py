"""Signals before and after a command's work: while Python imports, and while it shuts down.

The packages import this module before any other, because imports take up to a second, in which
Ctrl-C would end a command with a traceback. In a program that is not ours nothing changes.
"""

import os
import signal
import sys
from types import FrameType

# Ctrl-C; a machine that is needed for something else; a closed terminal.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def is_command(argv: list[str], original: list[str]) -> bool:
    """Returns whether a process runs one of our commands.

    Args:
        argv: `sys.argv`. It begins with ``-m`` while Python imports the packages of a module that
            it will run.
        original: `sys.orig_argv`, every word.
    """
    if argv[0] == "-m":
        module = original[original.index("-m") + 1] if "-m" in original else ""
        return module.partition(".")[0] in ("pkd", "study", "analysis")
    words = argv[0].split(os.sep)
    return words[-1] == "pkd-study" or words[-2:] == ["study", "run.py"]


def leave_at_once(code: int) -> None:
    """Has every later signal end this command with a code: the user has seen its outcome.

    Args:
        code: the exit code of the command.
    """
    if COMMAND:
        _handle(lambda number, frame: os._exit(code))


def end_at_once(number: int, frame: FrameType | None) -> None:
    """Ends the process with one word and the signal's code: no work has begun."""
    try:
        os.write(2, b"interrupted\n")
    finally:  # also where nobody reads it
        os._exit(128 + number)


def _handle(handler: object) -> None:
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as after `nohup`
            signal.signal(number, handler)  # type: ignore[arg-type]  # a handler, as it is called


COMMAND = is_command(sys.argv, sys.orig_argv)
if COMMAND:
    _handle(end_at_once)
