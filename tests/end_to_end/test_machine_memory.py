"""Ray really kills trials of the real command because the machine's memory runs out."""

import contextlib
import mmap
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands.study_process import SHORT, Finished, Study

pytestmark = pytest.mark.slow

GB = 10**9
ROOM = 4 * GB  # for a study, in addition to the memory in use; a study takes half of it
SLACK = GB // 4
CHUNK = 2**28
FILLING = bytes([1]) * CHUNK


def memory() -> tuple[int, int]:
    """Returns bytes in use and in total, as Ray counts them without a container's limit."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    sizes = {line.partition(":")[0]: 1024 * int(line.split()[1]) for line in lines}
    return sizes["MemTotal"] - sizes["MemAvailable"], sizes["MemTotal"]


@pytest.fixture
def limit() -> int:
    """Bytes in use above which Ray kills."""
    own = Path("/sys/fs/cgroup/memory.max")
    if not Path("/proc/meminfo").exists() or (own.exists() and own.read_text() != "max\n"):
        pytest.skip("a container limits the memory, or /proc/meminfo does not exist")
    used, total = memory()
    if total - used < ROOM + 2 * GB:
        pytest.skip(f"needs 6 GB of free memory, but {(total - used) / GB:.1f} GB are free")
    return used + ROOM


@contextlib.contextmanager
def pressure(limit: int) -> Iterator[None]:
    """Keeps the machine's memory in use above a limit during the block."""
    released = threading.Event()
    taken: list[mmap.mmap] = []

    def press() -> None:
        while not released.is_set():
            if memory()[0] < limit + SLACK:
                taken.append(mmap.mmap(-1, CHUNK))
                taken[-1].write(FILLING)
            else:
                released.wait(0.1)

    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield
    finally:
        released.set()
        thread.join()
        for chunk in taken:
            chunk.close()


def environment(limit: int) -> dict[str, str]:
    """Returns variables that make Ray kill above ``limit`` bytes in use."""
    return {
        "RAY_memory_usage_threshold": str(limit / memory()[1]),
        "RAY_memory_monitor_refresh_ms": "50",
    }


def test_an_out_of_memory_kill_by_ray_loses_nothing_that_was_finished(
    finished: Finished, tmp_path: Path, limit: int
) -> None:
    study = Study(tmp_path / "run", finished.study.data, finished.study.model)
    study.environment = environment(limit)
    with study.started() as process:
        study.wait_for(process, "search", 1)
        assert process.stdout is not None
        with pressure(limit):
            went_on = any("at most 1 trial(s) at once" in line for line in process.stdout)
        output = process.stdout.read()
        process.wait()
    # The same driver finished the study once memory was free.
    assert went_on and process.returncode == 0, output
    assert study.numbers() == finished.study.numbers()


def test_memory_that_stays_short_ends_the_study_with_advice(
    tiny_data: Path, tiny_model: Path, tmp_path: Path, limit: int
) -> None:
    study = Study(tmp_path / "run", tiny_data, tiny_model, "rte", SHORT)
    study.environment = environment(limit)
    with pressure(limit):
        short = study.run()
    assert short.returncode == 1, short.stdout
    assert "Ray gave up stage teachers 3 times with nothing recorded in between" in short.stdout
    assert "Free memory there, or run fewer trials at once" in short.stdout
    assert "To continue: python " in short.stdout and "Traceback" not in short.stdout
    (kept,) = re.findall("Ray's logs stay in (.+) until", short.stdout)
    assert Path(kept, "r", "session_latest", "logs", "raylet.out").exists()
    shutil.rmtree(kept)
