"""What happens when a run of Tune ends before its stage does."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import OutOfMemoryError
from ray.tune.error import TuneError

from pkd.errors import CacheError, DiskFull, InputError
from study.config.cell import Cell
from study.config.sections import Resources
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.samplers import ListSampler
from study.storage.layout import Layout
from study.storage.ledger import Ledger
from study.trials.trainable import StudyTrial
from study.tuning.stage_queue import Stage, StageQueue, StageWork
from study.tuning.tune_adapters import BrokenTrials, StudyScheduler
from study.tuning.tuner import StageIncomplete, check_complete, run_stages, run_until_done
from tests.support.studies.fake_stage import Unwatched, one_stage, report_of

# As Ray 2.60 says it, without the list of its ten largest processes.
KILLED = """1 worker(s) were killed due to the node running low on memory. Memory on the node \
(IP: 192.0.2.7, ID: 7d4b02) was 6.36GB used / 23.54GB limit (0.270220)
OOM kill reason: Memory usage 6660153344B exceeded threshold of 6646710272B
Refer to the documentation on how to address the out of memory issue: https://docs.ray.io"""

Fit = Callable[[TrialDispatcher], None]


class Tune:
    """Runs a dispatcher with a script for each run of Tune; the last one is repeated."""

    def __init__(self, tmp_path: Path) -> None:
        self.layout = Layout(tmp_path)
        sampler = ListSampler([{}] * 4)
        search = CellSearch(Cell("search", "rte", 2, "ft"), sampler, 4, 1)
        self.dispatcher = TrialDispatcher(
            "search", [search], Ledger(self.layout.ledger), Unwatched()
        )
        self.notes: list[str] = []
        self.runs = self.restarts = 0

    @property
    def queue(self) -> StageQueue:
        """As Tune is given it."""
        return one_stage(self.dispatcher, self.layout)

    def run(self, *scripts: Fit) -> None:
        def restart() -> None:
            self.restarts += 1

        stage = Stage(self.dispatcher, StudyTrial, lambda search, trial: {})
        doing = run_until_done(stage, self.layout, restart, self.notes.append)
        given = next(doing, None)
        while given is not None:
            script = scripts[min(self.runs, len(scripts) - 1)]
            self.runs += 1
            try:
                script(given.dispatcher)
            except Exception as error:  # as `run_stages` passes on whatever Tune raises
                given = doing.throw(error)
            else:
                given = next(doing, None)


@pytest.fixture
def tune(tmp_path: Path) -> Tune:
    return Tune(tmp_path)


def finish(dispatcher: TrialDispatcher) -> None:
    while (work := dispatcher.next()) is not None:
        dispatcher.report(*work, report_of(*work, 1))


def finish_one(dispatcher: TrialDispatcher) -> None:
    work = dispatcher.next()
    assert work is not None
    dispatcher.report(*work, report_of(*work, 1))


def break_one(dispatcher: TrialDispatcher) -> None:
    """A trial whose process dies again and again, whatever Tune tries."""
    work = dispatcher.next()
    assert work is not None
    dispatcher.break_off(*work, "the actor died")


def run_out_of_memory(dispatcher: TrialDispatcher, at_once: int = 3) -> None:
    """Trials run, and Ray kills one of them."""
    for _ in range(at_once):
        dispatcher.next()
    raise RuntimeError(f"Caught unexpected exception: {KILLED}") from OutOfMemoryError(KILLED)


def doing_of(tune: Tune) -> StageWork[None]:
    stage = Stage(tune.dispatcher, StudyTrial, lambda search, trial: {})
    return run_until_done(stage, tune.layout, lambda: None, tune.notes.append)


def test_a_cluster_that_lost_its_nodes_is_not_asked_again_what_they_have(
    tune: Tune, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes, scripts = iter([{"cpu": 2.0}]), iter([run_out_of_memory, finish])
    monkeypatch.setattr("study.tuning.tuner.trial_resources", lambda resources: next(nodes))

    def fit(queue: StageQueue, share: dict[str, float], layout: Layout) -> None:
        assert share == {"cpu": 2.0}
        next(scripts)(queue.dispatcher)
        assert queue.next() is None

    monkeypatch.setattr("study.tuning.tuner._fit", fit)
    run_stages(doing_of(tune), Resources(), tune.layout)
    assert tune.dispatcher.done


def test_a_trial_that_no_node_can_run_ends_the_study(
    tune: Tune, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(resources: Resources) -> None:
        raise InputError("a trial needs 64 CPUs")

    monkeypatch.setattr("study.tuning.tuner.trial_resources", refuse)
    with pytest.raises(InputError, match="64 CPUs"):
        run_stages(doing_of(tune), Resources(), tune.layout)
    assert not tune.dispatcher.running


# Memory ---------------------------------------------------------------------------------------


def test_when_memory_runs_out_the_board_goes_on_with_one_trial_less(tune: Tune) -> None:
    tune.run(run_out_of_memory, finish)
    assert tune.dispatcher.done and tune.restarts == 1
    # One line, with none of Ray's advice about its own settings.
    assert tune.notes == [
        "Ray gave up (memory ran out on 192.0.2.7, 6.36GB used / 23.54GB limit); going on with at "
        "most 2 trial(s) at once"
    ]


def test_there_is_always_one_trial_at_once(tune: Tune) -> None:
    tune.run(lambda dispatcher: run_out_of_memory(dispatcher, at_once=1), finish)
    assert tune.dispatcher.done and "at most 1 trial(s)" in tune.notes[0]


def test_memory_that_never_suffices_ends_the_stage_with_advice(tune: Tune) -> None:
    with pytest.raises(StageIncomplete) as caught:
        tune.run(run_out_of_memory)
    # The first attempt recorded the starts of three trials; two more recorded nothing.
    assert tune.runs == 3
    assert str(caught.value) == (
        "Ray gave up stage search 3 times with nothing recorded in between: memory ran out on "
        "192.0.2.7, 6.36GB used / 23.54GB limit. Free memory there, or run fewer trials at once "
        "(`resources.max_concurrent`)"
    )


def test_memory_that_runs_out_again_and_again_is_borne_while_trials_end(tune: Tune) -> None:
    def one_ends(dispatcher: TrialDispatcher) -> None:
        finish_one(dispatcher)
        run_out_of_memory(dispatcher, at_once=1)

    tune.run(one_ends, one_ends, one_ends, finish)
    assert tune.dispatcher.done and tune.restarts == 3


def test_ray_s_error_is_known_within_a_traceback_too(tune: Tune) -> None:
    def fail(dispatcher: TrialDispatcher) -> None:
        dispatcher.next()
        raise TuneError(f"Traceback\nray.exceptions.OutOfMemoryError: {KILLED}")

    tune.run(fail, finish)
    assert "memory ran out on 192.0.2.7" in tune.notes[0]


def test_another_error_of_ray_changes_nothing_about_how_many_run(tune: Tune) -> None:
    def fail(dispatcher: TrialDispatcher) -> None:
        dispatcher.next()
        raise TuneError("Traceback\nthe head node is gone")

    tune.run(fail, finish)
    assert tune.notes == ["Ray gave up (the head node is gone); going on"]


# Broken trials --------------------------------------------------------------------------------


def test_a_broken_trial_is_tried_again_when_the_others_are_done(tune: Tune) -> None:
    def break_the_first(dispatcher: TrialDispatcher) -> None:
        break_one(dispatcher)
        finish(dispatcher)

    tune.run(break_the_first, finish)
    assert tune.dispatcher.done and not tune.dispatcher.broken and tune.restarts == 0
    assert tune.notes == ["1 trial(s) broke off and are tried again"]


def test_a_trial_that_breaks_every_time_is_left_for_the_next_command(tune: Tune) -> None:
    def break_the_first(dispatcher: TrialDispatcher) -> None:
        break_one(dispatcher)
        finish(dispatcher)

    tune.run(break_the_first)
    # Once with the others, twice with nothing recorded.
    assert tune.runs == 3 and not tune.dispatcher.done
    with pytest.raises(StageIncomplete, match="rte-2-ft trial-0000: the actor died"):
        check_complete(tune.dispatcher, tune.layout)


def test_broken_trials_are_tried_as_long_as_there_is_progress(tune: Tune) -> None:
    def one_of_two(dispatcher: TrialDispatcher) -> None:
        break_one(dispatcher)
        finish_one(dispatcher)

    tune.run(one_of_two, one_of_two, one_of_two, finish)
    assert tune.dispatcher.done and tune.runs == 4


def trial_of(dispatcher: TrialDispatcher, folder: Path, failures: str) -> Any:
    """What Tune knows of the dispatcher's next trial, and of how it failed."""
    work = dispatcher.next()
    assert work is not None
    file = folder / "error.txt"
    file.write_text(failures)
    config = {"cell": work[0].cell.name, "trial": work[1]}
    metadata = SimpleNamespace(pickled_error_filename="error.pkl")
    return SimpleNamespace(config=config, error_file=str(file), run_metadata=metadata)


def test_a_trial_that_names_what_is_wrong_breaks_off_without_tune_s_retries(tune: Tune) -> None:
    trial = trial_of(tune.dispatcher, tune.layout.out, "")
    result = {"broken": "signals/x is damaged"}
    assert StudyScheduler(tune.queue, 1).on_trial_result(None, trial, result) == "STOP"
    assert list(tune.dispatcher.broken.values()) == ["signals/x is damaged"]


def test_a_trial_that_failed_too_often_breaks_off_with_its_last_error(tune: Tune) -> None:
    failures = f"Failure # 1 (then)\n{KILLED}\nFailure # 2 (now)\nTraceback\nOSError: gone\n"
    trial = trial_of(tune.dispatcher, tune.layout.out, failures)
    BrokenTrials(tune.queue).on_trial_error(1, [trial], trial)
    assert list(tune.dispatcher.broken.values()) == ["OSError: gone"]


def test_memory_that_runs_out_while_a_trial_begins_ends_the_run_of_tune(tune: Tune) -> None:
    trial = trial_of(tune.dispatcher, tune.layout.out, f"Failure # 3 (now)\n{KILLED}\n")
    # The other trials would be killed as well, one after another.
    with pytest.raises(RuntimeError, match="running low on memory"):
        BrokenTrials(tune.queue).on_trial_error(1, [trial], trial)
    assert not tune.dispatcher.broken


# What is no fault of Ray's --------------------------------------------------------------------


def test_a_ledger_that_cannot_be_written_ends_the_study_with_its_own_error(tune: Tune) -> None:
    def fail(dispatcher: TrialDispatcher) -> None:
        dispatcher.ledger.failure = CacheError("cannot write the ledger")
        raise TuneError("Traceback")

    with pytest.raises(CacheError, match="cannot write the ledger"):
        tune.run(fail)
    assert tune.runs == 1


def test_trials_that_broke_off_on_a_full_disk_are_not_tried_again(
    tune: Tune, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise DiskFull(f"no space left on the disk for {path}")

    monkeypatch.setattr("study.tuning.tuner.check_space", full)
    with pytest.raises(DiskFull, match="no space left"):
        tune.run(break_one)
    assert tune.runs == 1
