"""Ends the processes of a Ray whose start failed or was interrupted: Ray itself leaves some."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping

import psutil

_PATIENCE_S = 5


@contextlib.contextmanager
def ended_on_failure() -> Iterator[None]:
    """Kills the processes that were started in the block, and their children, if it raises.

    Processes that this process had before are left alone.
    """
    before = _descendants()
    try:
        yield
    except BaseException:
        ours: set[psutil.Process] = set()
        # Stopped first: a process that still ran could start another one behind our back.
        while new := _descendants() - before - ours:
            _each(new, psutil.Process.suspend)
            ours |= new
        _each(ours, psutil.Process.kill)
        psutil.wait_procs(ours, timeout=_PATIENCE_S)
        raise


def end_marked(mark: Mapping[str, str]) -> None:
    """Kills every process of this user that inherited variables, but this one.

    Workers of a raylet that was killed are nobody's children: only their environment tells.

    Args:
        mark: the variables.
    """
    marked = {
        each for each in psutil.process_iter() if each.pid != os.getpid() and _has(each, mark)
    }
    _each(marked, psutil.Process.kill)
    psutil.wait_procs(marked, timeout=_PATIENCE_S)


def _has(process: psutil.Process, mark: Mapping[str, str]) -> bool:
    with contextlib.suppress(psutil.Error, OSError):  # another user's, or gone
        return mark.items() <= process.environ().items()
    return False


def _each(processes: set[psutil.Process], act: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            act(process)


def _descendants() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))
