"""Looks every second whether the Ray of a study lives.

Ray's compiled core waits for a dead process without an end, in calls that no signal interrupts, or
ends the driver with its own words after a minute. So another thread looks, and acts.
"""

import contextlib
import ctypes
import os
import secrets
import signal
import threading
from collections.abc import Callable
from typing import NoReturn

from pkd.runtime.environment import variables
from pkd.runtime.exit_codes import INCOMPLETE
from pkd.runtime.first_moment import SIGNALS
from study.cluster.child_processes import end_marked
from study.cluster.watch.death import ClusterPulse, death_here, pulse_of
from study.cluster.watch.new_process import deaths_in_a_row, end_with, run_anew
from study.installation import how_to_continue

_EVERY_S = 1.0
# A signal to the whole process group may end Ray's processes before it reaches this one.
_PATIENCE_S = 1.0
_MARK = "PKD_RAY_OF"
# As often as a stage is tried, see `study.tuning.retries`.
_MOST_DEATHS = 3


class RayDied(BaseException):
    """Raised in a study that runs in a user's own process; Tune would swallow an Exception."""


class RayWatch:
    """Watches Ray from `begin` to `end`.

    Args:
        address: of a cluster; None if the study starts Ray on this machine.
        own_process: whether this process only runs the study's command. Then Ray's death makes it
            run the command anew, or, on a cluster, ends it. Otherwise it raises `RayDied`.
        recorded: returns the number of events in the ledger.
        note: prints a line for the user.

    Attributes:
        death: what is known about Ray's death; empty while it lives.
    """

    def __init__(
        self,
        address: str | None,
        own_process: bool,
        recorded: Callable[[], int],
        note: Callable[[str], None],
    ) -> None:
        self.death = ""
        self._address, self._own_process = address, own_process
        self._recorded, self._note = recorded, note
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._signals: _SignalsSeen | None = None
        self._pulse: ClusterPulse | None = None
        # In the environment of Ray's processes and no other, to find them after its death.
        self._mark = {_MARK: secrets.token_hex(8)}

    def starting(self) -> contextlib.AbstractContextManager[None]:
        """Returns a block in which Ray is started."""
        return variables(self._mark)

    def begin(self) -> None:
        """Begins to watch the Ray that has just started, in the thread that will use it."""
        self._pulse = None if self._address is None else pulse_of(self._address)
        look = death_here if self._pulse is None else self._pulse.death
        if self._own_process and threading.current_thread() is threading.main_thread():
            self._signals = _SignalsSeen()
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._watch, args=(look, threading.get_ident(), self._stopped), daemon=True
        )
        self._thread.start()

    def end(self) -> bool:
        """Ends watching, before Ray is stopped; returns whether Ray can be told to stop.

        What is left of a dead Ray is ended: Ray's own shutdown might wait for it without an end.
        """
        if self._thread is None:
            return True
        self._stopped.set()
        self._thread = None
        if self._signals is not None:
            self._signals.close()
        if self._pulse is not None:
            return self._pulse.answers()
        if death := death_here():
            self.death = death
            end_marked(self._mark)
        return not death

    def end_for_restart(self) -> None:
        """Does the same before Ray is started again; see `RayWatch` for what follows a death."""
        if not self.end() and self._own_process and self.death:
            self._go_on()

    def _watch(self, look: Callable[[], str], user: int, stopped: threading.Event) -> None:
        while not stopped.wait(_EVERY_S):
            if death := look():
                if not stopped.wait(_PATIENCE_S):
                    self.death = death
                    self._act(user)
                return

    def _act(self, user: int) -> None:
        if not self._own_process:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(user), ctypes.py_object(RayDied)
            )
            return
        if self._address is None:
            end_marked(self._mark)
        if self._signals is not None and (number := self._signals.last()):
            end_with(f"interrupted: {_kept()}", 128 + number)
        self._go_on()

    def _go_on(self) -> NoReturn:
        if self._address is not None:
            end_with(f"error: {self.death}: {_kept()}", INCOMPLETE)
        recorded = self._recorded()
        if (deaths := deaths_in_a_row(recorded)) >= _MOST_DEATHS:
            end_with(
                f"error: {self.death}, {deaths} times with nothing recorded in between: {_kept()}",
                INCOMPLETE,
            )
        self._note(
            f"{self.death}: recorded results are kept, and the study goes on with a new Ray"
        )
        run_anew(recorded)


def _kept() -> str:
    return f"recorded results are kept. {how_to_continue()}"


class _SignalsSeen:
    """Signals that came, also those whose handler waits until compiled code returns."""

    def __init__(self) -> None:
        self._read, self._written = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._written, False)
        signal.set_wakeup_fd(self._written, warn_on_full_buffer=False)

    def last(self) -> int:
        """Returns the number of the last signal that ends a command; 0 if none came."""
        try:
            return next((each for each in os.read(self._read, 1024)[::-1] if each in SIGNALS), 0)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self._read)
        os.close(self._written)
