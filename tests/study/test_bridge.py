"""The board as Ray Tune sees it."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_stage import make_board
from ray.tune.experiment import Trial

from study.bridge import BoardScheduler


@pytest.mark.parametrize(
    ("statuses", "chosen"),
    [
        ([Trial.RUNNING, Trial.PENDING], 1),
        ([Trial.RUNNING, Trial.RUNNING], None),
        ([], None),
    ],
)
def test_only_a_trial_that_waits_is_started(
    tmp_path: Path, statuses: list[str], chosen: int | None
) -> None:
    trials = [SimpleNamespace(status=status) for status in statuses]
    controller = SimpleNamespace(get_live_trials=lambda: trials)
    found = BoardScheduler(make_board(tmp_path)).choose_trial_to_run(controller)
    assert found is (None if chosen is None else trials[chosen])
