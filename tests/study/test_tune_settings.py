"""What Tune is told of the cluster and of the trials that wait."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_stage import make_board
from ray.tune.experiment import Trial

from study.bridge import BoardScheduler
from study.tuner import trials_at_once


@pytest.mark.parametrize(
    ("cluster", "trial", "expected"),
    [
        ({"CPU": 2.0}, {"cpu": 1.0, "gpu": 0.0}, 2),
        ({"CPU": 64.0, "GPU": 4.0}, {"cpu": 2.0, "gpu": 0.25}, 16),
        # The cluster's first GPU is still to come.
        ({"CPU": 8.0}, {"cpu": 1.0, "gpu": 1.0}, 0),
    ],
)
def test_the_scarcest_resource_decides_how_many_trials_run_at_once(
    monkeypatch: pytest.MonkeyPatch,
    cluster: dict[str, float],
    trial: dict[str, float],
    expected: int,
) -> None:
    monkeypatch.setattr("study.tuner.ray.cluster_resources", lambda: cluster)
    assert trials_at_once(trial) == expected


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
