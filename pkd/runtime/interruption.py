"""Handles signals: SIGTERM becomes an exception, and Ctrl-C cannot interrupt the shutdown.

Only a process's main thread can handle signals; in another one the functions do nothing.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator


class Terminated(BaseException):
    """Raised on SIGTERM: the machine is needed for something else."""


def raise_on_sigterm() -> None:
    """Makes SIGTERM raise `Terminated` in the main thread."""

    def stop(signum: int, frame: object) -> None:
        raise Terminated

    _handle(signal.SIGTERM, stop)


def ignore_further_interrupts() -> None:
    """Ignores Ctrl-C: a second one would break the shutdown of Ray and Python, not hasten it."""
    _handle(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def handlers_restored() -> Iterator[None]:
    """Puts the handlers of Ctrl-C and SIGTERM back after the block, for who calls from Python."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
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


def _handle(number: int, handler: object) -> None:
    if threading.current_thread() is threading.main_thread():
        signal.signal(number, handler)  # type: ignore[arg-type]  # `getsignal` types it too widely
