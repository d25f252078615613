"""Handles signals: they become exceptions, and Ctrl-C cannot interrupt the shutdown.

Only a process's main thread can handle signals; in another one the functions do nothing.
"""

import contextlib
import ctypes
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from pkd.runtime.exit_codes import INTERRUPTED
from pkd.runtime.first_moment import COMMAND, SIGNALS, end_at_once


class Terminated(BaseException):
    """Raised on SIGTERM, when the machine is needed, and on SIGHUP, when the terminal is closed.

    Args:
        number: the signal's number.

    Attributes:
        code: the exit code of the command.
    """

    def __init__(self, number: int = signal.SIGTERM) -> None:
        super().__init__(number)
        self.code = 128 + number


def raise_on_signals() -> None:
    """Makes SIGTERM and SIGHUP raise `Terminated` in the main thread, and Ctrl-C what it raises.

    A signal that is ignored, as ``nohup`` has it, stays ignored.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        if _torch_is_half_imported():
            end_at_once(number, frame)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise Terminated(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            _handle(number, stop)
    if signal.getsignal(signal.SIGINT) is end_at_once:
        _handle(signal.SIGINT, stop)


def _torch_is_half_imported() -> bool:
    """Returns whether an exception would now pass through torch's compiled code, which aborts."""
    spec = getattr(sys.modules.get("torch"), "__spec__", None)
    return COMMAND and bool(getattr(spec, "_initializing", False))


def ignore_further_interrupts() -> None:
    """Ignores Ctrl-C: a second one would break the shutdown of Ray and Python, not hasten it."""
    _handle(signal.SIGINT, signal.SIG_IGN)
    # If a Ctrl-C passed through compiled code, Python would end with SIGINT instead of our code.
    ctypes.pythonapi.PyRun_SimpleString(b"pass")


@contextlib.contextmanager
def handlers_restored() -> Iterator[None]:
    """Puts the handlers of signals back after the block, for who calls from Python."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # one of compiled code cannot be put back
                _handle(number, handler)


def stopped_by(error: BaseException) -> BaseException | None:
    """Returns the `KeyboardInterrupt` or `Terminated` that an error stands for; None for another.

    Python turns a signal that comes while Ray's compiled code runs into a SystemError.
    """
    stop = error.__cause__ if isinstance(error, SystemError) else error
    return stop if isinstance(stop, (KeyboardInterrupt, Terminated)) else None


def exit_code(stop: BaseException) -> int:
    """Returns the exit code of a command that `stopped_by` an exception."""
    return stop.code if isinstance(stop, Terminated) else INTERRUPTED


def _handle(number: int, handler: object) -> None:
    if threading.current_thread() is threading.main_thread():
        signal.signal(number, handler)  # type: ignore[arg-type]  # `getsignal` types it too widely
