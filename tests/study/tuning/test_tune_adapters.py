"""The dispatcher as Ray Tune sees it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.experiment import Trial
from ray.tune.utils.object_cache import _ObjectCache

from study.storage.layout import Layout
from study.tuning.tune_adapters import StudyScheduler
from tests.support.studies.fake_stage import make_dispatcher, one_stage


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
    queue = one_stage(make_dispatcher(tmp_path), Layout(tmp_path))
    found = StudyScheduler(queue, 1).choose_trial_to_run(controller)
    assert found is (None if chosen is None else trials[chosen])


def test_tune_keeps_as_many_processes_as_may_run_with_no_trial_waiting(tmp_path: Path) -> None:
    scheduler = StudyScheduler(one_stage(make_dispatcher(tmp_path), Layout(tmp_path)), 2)
    cache: Any = _ObjectCache(may_keep_one=True)
    trial: Any = SimpleNamespace(placement_group_factory="one CPU")
    for _ in range(3):
        scheduler.on_trial_add(SimpleNamespace(_actor_cache=cache), trial)
    assert [cache.cache_object("one CPU", name) for name in "abc"] == [True, True, False]
    assert list(cache.flush_cached_objects()) == []
