"""What happens when a run of Tune ends before its stage is done."""

from pathlib import Path

import pytest
from ray.tune.error import TuneError

from pkd.errors import CacheError, DiskFull
from study.search.dispatcher import TrialDispatcher
from study.tuning.completeness import StageIncomplete, check_complete
from tests.support.studies.scripted_stage import (
    KILLED,
    ScriptedStage,
    finish,
    finish_one,
    interrupt_one,
    run_out_of_memory,
)


@pytest.fixture
def scripted(tmp_path: Path) -> ScriptedStage:
    return ScriptedStage(tmp_path)


# Memory ---------------------------------------------------------------------------------------


def test_when_memory_runs_out_the_stage_goes_on_with_one_trial_less(
    scripted: ScriptedStage,
) -> None:
    scripted.run(run_out_of_memory, finish)
    assert scripted.dispatcher.done and scripted.restarts == 1
    # One line, without Ray's advice about its own settings.
    assert scripted.notes == [
        "Ray gave up (memory ran out on 192.0.2.7, 6.36GB used / 23.54GB limit); going on with at "
        "most 2 trial(s) at once"
    ]


def test_there_is_always_one_trial_at_once(scripted: ScriptedStage) -> None:
    scripted.run(lambda dispatcher: run_out_of_memory(dispatcher, at_once=1), finish)
    assert scripted.dispatcher.done and "at most 1 trial(s)" in scripted.notes[0]


def test_memory_that_never_suffices_ends_the_stage_with_advice(scripted: ScriptedStage) -> None:
    with pytest.raises(StageIncomplete) as caught:
        scripted.run(run_out_of_memory)
    # The first attempt recorded the starts of three trials; two more recorded nothing.
    assert scripted.runs == 3
    assert str(caught.value) == (
        "Ray gave up stage search 3 times with nothing recorded in between: memory ran out on "
        "192.0.2.7, 6.36GB used / 23.54GB limit. Free memory there, or run fewer trials at once "
        "(`resources.max_concurrent`)"
    )


def test_memory_that_runs_out_again_and_again_does_not_end_the_stage_while_trials_end(
    scripted: ScriptedStage,
) -> None:
    def one_ends(dispatcher: TrialDispatcher) -> None:
        finish_one(dispatcher)
        run_out_of_memory(dispatcher, at_once=1)

    scripted.run(one_ends, one_ends, one_ends, finish)
    assert scripted.dispatcher.done and scripted.restarts == 3


def test_ray_s_error_is_recognised_in_a_traceback(scripted: ScriptedStage) -> None:
    def fail(dispatcher: TrialDispatcher) -> None:
        dispatcher.next()
        raise TuneError(f"Traceback\nray.exceptions.OutOfMemoryError: {KILLED}")

    scripted.run(fail, finish)
    assert "memory ran out on 192.0.2.7" in scripted.notes[0]


def test_another_error_of_ray_does_not_change_how_many_trials_run(scripted: ScriptedStage) -> None:
    def fail(dispatcher: TrialDispatcher) -> None:
        dispatcher.next()
        raise TuneError("Traceback\nthe head node is gone")

    scripted.run(fail, finish)
    assert scripted.notes == ["Ray gave up (the head node is gone); going on"]


# Interrupted trials ---------------------------------------------------------------------------


def test_an_interrupted_trial_is_tried_again_when_the_others_are_done(
    scripted: ScriptedStage,
) -> None:
    def interrupt_the_first(dispatcher: TrialDispatcher) -> None:
        interrupt_one(dispatcher)
        finish(dispatcher)

    scripted.run(interrupt_the_first, finish)
    assert (
        scripted.dispatcher.done and not scripted.dispatcher.interrupted and scripted.restarts == 0
    )
    assert scripted.notes == ["1 trial(s) were interrupted and are tried again"]


def test_a_trial_that_is_interrupted_every_time_is_left_for_the_next_command(
    scripted: ScriptedStage,
) -> None:
    def interrupt_the_first(dispatcher: TrialDispatcher) -> None:
        interrupt_one(dispatcher)
        finish(dispatcher)

    scripted.run(interrupt_the_first)
    # Once with the others, twice with nothing recorded.
    assert scripted.runs == 3 and not scripted.dispatcher.done
    with pytest.raises(StageIncomplete, match="rte-2-ft trial-0000: the actor died"):
        check_complete(scripted.dispatcher, scripted.layout)


def test_interrupted_trials_are_tried_as_long_as_there_is_progress(
    scripted: ScriptedStage,
) -> None:
    def one_of_two(dispatcher: TrialDispatcher) -> None:
        interrupt_one(dispatcher)
        finish_one(dispatcher)

    scripted.run(one_of_two, one_of_two, one_of_two, finish)
    assert scripted.dispatcher.done and scripted.runs == 4


# Errors that are not Ray's --------------------------------------------------------------------


def test_a_ledger_that_cannot_be_written_ends_the_study_with_its_own_error(
    scripted: ScriptedStage,
) -> None:
    def fail(dispatcher: TrialDispatcher) -> None:
        dispatcher.ledger.failure = CacheError("cannot write the ledger")
        raise TuneError("Traceback")

    with pytest.raises(CacheError, match="cannot write the ledger"):
        scripted.run(fail)
    assert scripted.runs == 1


def test_trials_interrupted_by_a_full_disk_are_not_tried_again(
    scripted: ScriptedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise DiskFull(f"no space left on the disk for {path}")

    monkeypatch.setattr("study.tuning.retries.check_space", full)
    with pytest.raises(DiskFull, match="no space left"):
        scripted.run(interrupt_one)
    assert scripted.runs == 1
