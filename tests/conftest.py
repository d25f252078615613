import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Before torch is imported: on tensors this small threads only wait for each other, and the
# workers of pytest-xdist share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")


class Trap:
    """Makes a folder when it is unpickled.

    Attributes:
        folder: is there once the trap has sprung.
        pickled: the trap as a pickle.
        code: the same as Python source.
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
    """A trap that works, and that the test must not spring."""
    trap = Trap(tmp_path_factory.mktemp("trap") / "sprung")
    pickle.loads(trap.pickled)
    trap.folder.rmdir()
    exec(trap.code)
    trap.folder.rmdir()
    yield trap
    assert not trap.folder.exists()
