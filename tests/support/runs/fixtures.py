"""Fixture: an empty study, for tests of the analysis."""

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


@pytest.fixture
def finished_run(tmp_path: Path) -> Path:
    """A small run in which every planned trial ended."""
    budget = {
        "teacher_trials": 1,
        "search_trials": {"ft": 1, "pkd-skip": 1},
        "confirm_seeds": 2,
        "epochs": 1,
    }
    from tests.support.runs.fake_run import FakeRun

    fake = FakeRun(tmp_path / "run", depths=[6], methods=["ft", "pkd-skip"], budget=budget)
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.7)
    for method, score in (("ft", 0.60), ("pkd-skip", 0.65)):
        fake.trial("search", "rte", 6, method, 0, score + 0.1)
        for seed in range(2):
            fake.trial("confirm", "rte", 6, method, seed, score)
    return fake.path
