"""An empty study, for tests of the analysis."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.runs.fake_run import FakeRun



@pytest.fixture
def fake(tmp_path: Path) -> "FakeRun":
    """An empty study of RTE: two depths, four methods, three confirm seeds."""
    from tests.support.runs.fake_run import FakeRun

    return FakeRun(tmp_path / "run")
