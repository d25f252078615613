"""Runs this process's command anew, or ends it, even while compiled code holds the main thread.

Nothing is put in order, as after a SIGKILL: the ledger and the checkpoints need none.
"""

import contextlib
import os
import sys
from collections.abc import Mapping
from typing import NoReturn

from pkd.runtime.command_line import say

# How often Ray died with nothing recorded in between, and how much was recorded by then.
_DEATHS = "PKD_RAY_DEATHS"


def deaths_in_a_row(recorded: int, environment: Mapping[str, str] = os.environ) -> int:
    """Returns how often Ray has died with nothing recorded in between, this time included.

    Args:
        recorded: number of events in the ledger.
        environment: of this process, in which `run_anew` counts.
    """
    deaths, _, before = environment.get(_DEATHS, "0 -1").partition(" ")
    return int(deaths) + 1 if int(before) == recorded else 1


def run_anew(recorded: int) -> NoReturn:
    """Runs the command of this process from its start, in the same process.

    Args:
        recorded: number of events in the ledger.
    """
    counted = {_DEATHS: f"{deaths_in_a_row(recorded)} {recorded}"}
    _flush()
    os.execve(sys.executable, sys.orig_argv, os.environ | counted)


def end_with(message: str, code: int) -> NoReturn:
    """Ends this process with a last message and an exit code."""
    with contextlib.suppress(OSError):  # nobody reads it
        say(message)
    _flush()
    os._exit(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it, or it is closed
            stream.flush()
