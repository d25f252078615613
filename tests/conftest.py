import gc
import os
import pickle
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

pytest_plugins = [
    "tests.support.runs.fixtures",
    "tests.support.studies.fixtures",
    "tests.support.training.fixtures",
]

# Hypothesis generates the same examples each time, without a time limit for a busy machine.
settings.register_profile("pkd", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("pkd")

# Set before torch is imported: on tensors this small, threads only wait for each other, and the
# workers of pytest-xdist share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure() -> None:
    gc.disable()


def pytest_collection_finish() -> None:
    """Keeps imported objects out of garbage collection: an eighth of the fast tests' time."""
    gc.freeze()
    gc.enable()


class Trap:
    """An object that creates a folder when it is unpickled.

    Attributes:
        folder: exists once the trap has been triggered.
        pickled: the trap as a pickle.
        code: the trap as Python source.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)

    @property
    def pickled(self) -> bytes:
        return pickle.dumps(self, protocol=2)

    @property
    def code(self) -> str:
        return f"import os\nos.mkdir({str(self.folder)!r})\n"


@pytest.fixture
def trap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trap]:
    """A working trap; fails if the test triggers it."""
    trap = Trap(tmp_path_factory.mktemp("trap") / "triggered")
    pickle.loads(trap.pickled)
    trap.folder.rmdir()
    exec(trap.code)
    trap.folder.rmdir()
    yield trap
    assert not trap.folder.exists()


@pytest.fixture
def mounted() -> Iterator[Callable[[Path, str], Path]]:
    """Returns a function that mounts a file system of some size (``2m``) on a new folder."""
    folders: list[Path] = []

    def mount(folder: Path, size: str) -> Path:
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip("the mount command does not exist")
        if done.returncode:
            pytest.skip(f"this user may not mount a tmpfs: {done.stderr.strip()}")
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
