import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fake_run import FakeRun

# The tests import `fake_run` from beside them, in every import mode of pytest.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def fake(tmp_path: Path) -> "FakeRun":
    """An empty study of RTE: two depths, four methods, three confirm seeds."""
    from fake_run import FakeRun

    return FakeRun(tmp_path / "run")
