"""What Ray Tune calls: the searcher, the scheduler and the callback of a study."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.experiment import Trial
from ray.tune.utils.object_cache import _ObjectCache

from study.search.dispatcher import TrialDispatcher
from study.tuning.tune_adapters import InterruptedTrials, StudyScheduler
from tests.support.studies.dispatchers import take
from tests.support.studies.fake_stage import make_dispatcher, one_stage
from tests.support.studies.scripted_stage import KILLED, ScriptedStage


@pytest.mark.parametrize(
    ("statuses", "chosen"),
    [
        ([Trial.RUNNING, Trial.PENDING], 1),
        ([Trial.RUNNING, Trial.RUNNING], None),
        ([], None),
    ],
)
def test_only_a_waiting_trial_is_started(
    tmp_path: Path, statuses: list[str], chosen: int | None
) -> None:
    trials = [SimpleNamespace(status=status) for status in statuses]
    controller = SimpleNamespace(get_live_trials=lambda: trials)
    queue = one_stage(make_dispatcher(tmp_path))
    found = StudyScheduler(queue, 1).choose_trial_to_run(controller)
    assert found is (None if chosen is None else trials[chosen])


def test_tune_keeps_as_many_processes_as_may_run_with_no_trial_waiting(tmp_path: Path) -> None:
    scheduler = StudyScheduler(one_stage(make_dispatcher(tmp_path)), 2)
    cache: Any = _ObjectCache(may_keep_one=True)
    trial: Any = SimpleNamespace(placement_group_factory="one CPU")
    for _ in range(3):
        scheduler.on_trial_add(SimpleNamespace(_actor_cache=cache), trial)
    assert [cache.cache_object("one CPU", name) for name in "abc"] == [True, True, False]
    assert list(cache.flush_cached_objects()) == []


# Interrupted trials ---------------------------------------------------------------------------


@pytest.fixture
def scripted(tmp_path: Path) -> ScriptedStage:
    return ScriptedStage(tmp_path)


def next_trial(dispatcher: TrialDispatcher, folder: Path, failures: str) -> Any:
    """The dispatcher's next trial as Tune holds it, with the file of its failures."""
    search, name = take(dispatcher)
    file = folder / "error.txt"
    file.write_text(failures)
    config = {"cell": search.cell.name, "trial": name}
    metadata = SimpleNamespace(pickled_error_filename="error.pkl")
    return SimpleNamespace(config=config, error_file=str(file), run_metadata=metadata)


def test_a_trial_that_reports_an_error_is_interrupted_without_tune_s_retries(
    scripted: ScriptedStage,
) -> None:
    trial = next_trial(scripted.dispatcher, scripted.layout.out, "")
    result = {"error": "signals/x is damaged"}
    assert (
        StudyScheduler(one_stage(scripted.dispatcher), 1).on_trial_result(None, trial, result)
        == "STOP"
    )
    assert list(scripted.dispatcher.interrupted.values()) == ["signals/x is damaged"]


def test_a_trial_that_failed_too_often_is_interrupted_with_its_last_error(
    scripted: ScriptedStage,
) -> None:
    failures = f"Failure # 1 (then)\n{KILLED}\nFailure # 2 (now)\nTraceback\nOSError: gone\n"
    trial = next_trial(scripted.dispatcher, scripted.layout.out, failures)
    InterruptedTrials(one_stage(scripted.dispatcher)).on_trial_error(1, [trial], trial)
    assert list(scripted.dispatcher.interrupted.values()) == ["OSError: gone"]


def test_memory_that_runs_out_while_a_trial_starts_ends_the_run_of_tune(
    scripted: ScriptedStage,
) -> None:
    trial = next_trial(scripted.dispatcher, scripted.layout.out, f"Failure # 3 (now)\n{KILLED}\n")
    # The other trials would be killed as well, one after another.
    with pytest.raises(RuntimeError, match="running low on memory"):
        InterruptedTrials(one_stage(scripted.dispatcher)).on_trial_error(1, [trial], trial)
    assert not scripted.dispatcher.interrupted
