"""Being stopped: SIGTERM as an exception, and an end that nothing breaks off."""

import signal


class Terminated(BaseException):
    """SIGTERM: the machine is wanted back."""


def raise_on_sigterm() -> None:
    """Has SIGTERM raise `Terminated` in the main thread."""

    def stop(signum: int, frame: object) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, stop)


def ignore_further_interrupts() -> None:
    """An impatient second Ctrl-C would break off the end of Ray and of Python, not hasten it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
