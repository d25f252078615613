"""Processes that a failed start of Ray leaves are ended, with their children; no others."""

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from pkd.runtime.environment import variables
from study.cluster.child_processes import end_marked, ended_on_failure

_PARENT = """
import subprocess, sys
child = subprocess.Popen(["sleep", "100"])
print(child.pid, flush=True)
child.wait()
"""


@pytest.fixture
def earlier() -> Iterator["subprocess.Popen[bytes]"]:
    """A process of the user's."""
    process = subprocess.Popen(["sleep", "100"])
    yield process
    process.kill()
    process.wait()


def started() -> tuple["subprocess.Popen[bytes]", psutil.Process]:
    process = subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE)
    assert process.stdout is not None
    return process, psutil.Process(int(process.stdout.readline()))


def ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_only_those_of_the_block_are_ended(
    earlier: "subprocess.Popen[bytes]", error: type[BaseException]
) -> None:
    with pytest.raises(error), ended_on_failure():
        process, child = started()
        raise error
    assert process.poll() is not None and ended(child)
    assert earlier.poll() is None


def test_a_block_that_ends_well_keeps_them() -> None:
    with ended_on_failure():
        process, child = started()
    assert process.poll() is None and not ended(child)
    child.kill()
    process.kill()
    process.wait()


def test_processes_are_found_by_what_they_inherited_even_without_a_parent(
    earlier: "subprocess.Popen[bytes]",
) -> None:
    mark = {"PKD_TEST_MARK": "one"}
    with variables(mark):
        process, child = started()
    process.kill()  # the child is nobody's now
    process.wait()
    assert not ended(child)
    with variables({"PKD_TEST_MARK": "another"}):
        other, others_child = started()
    end_marked(mark)
    psutil.wait_procs([child], timeout=10)
    assert ended(child) and earlier.poll() is None and other.poll() is None
    end_marked({"PKD_TEST_MARK": "another"})
    assert other.poll() is not None and ended(others_child)
