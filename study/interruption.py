"""Handles signals: SIGTERM becomes an exception, and Ctrl-C cannot interrupt the shutdown."""

import signal


class Terminated(BaseException):
    """Raised on SIGTERM: the machine is needed for something else."""


def raise_on_sigterm() -> None:
    """Makes SIGTERM raise `Terminated` in the main thread."""

    def stop(signum: int, frame: object) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, stop)


def ignore_further_interrupts() -> None:
    """Ignores Ctrl-C: a second one would break the shutdown of Ray and Python, not hasten it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
