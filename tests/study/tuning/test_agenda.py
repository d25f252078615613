"""One stage's work after another's, as one stream."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pkd.errors import DiskFull
from study.config.cell import Cell
from study.search.board import Board
from study.search.cell_search import CellSearch
from study.search.samplers import ListSampler
from study.storage.layout import Layout
from study.storage.ledger import Ledger
from study.trials.deferred import Deferred
from study.trials.trainable import StudyTrial
from study.tuning.agenda import Agenda, Doing, Stage
from tests.support.studies.fake_stage import Unwatched, report_of

Stages = Callable[[Board, Board], Doing[None]]


def make(tmp_path: Path, stages: Stages) -> tuple[Agenda, Board, Board]:
    """An agenda over two boards, of two trials and of one."""
    layout = Layout(tmp_path)
    ledger = Ledger(layout.ledger)

    def board(stage: str, trials: int) -> Board:
        sampler = ListSampler([{}] * trials)
        search = CellSearch(Cell(stage, "rte", 2, "ft"), sampler, trials, 1)
        return Board(stage, [search], ledger, Unwatched())

    boards = board("search", 2), board("confirm", 1)
    return Agenda(stages(*boards), layout), *boards


def stage_of(board: Board) -> Stage:
    return Stage(board, StudyTrial, lambda search, trial: {"trained": f"{board.stage} {trial}"})


def both(first: Board, second: Board) -> Doing[None]:
    yield stage_of(first)
    assert first.done
    yield stage_of(second)


def finish(agenda: Agenda, config: dict[str, Any]) -> None:
    work = agenda.work_of(config)
    agenda.board.report(*work, report_of(*work, 1))


def test_the_next_stage_begins_when_no_trial_of_the_one_before_it_runs(tmp_path: Path) -> None:
    agenda, first, second = make(tmp_path, both)
    one, two = agenda.next(), agenda.next()
    assert one is not None and two is not None
    assert {key: one[key] for key in ("stage", "cell", "trial")} == {
        "stage": "search",
        "cell": "rte-2-ft",
        "trial": "trial-0000",
    }
    assert agenda.next() is None and not agenda.over  # two trials run
    finish(agenda, two)
    assert agenda.next() is None and agenda.board is first
    finish(agenda, one)
    three = agenda.next()
    assert three is not None and three["stage"] == "confirm" and agenda.board is second
    finish(agenda, three)
    assert agenda.next() is None and agenda.over


def test_a_config_holds_the_trial_packed(tmp_path: Path) -> None:
    agenda, _, _ = make(tmp_path, both)
    config = agenda.next()
    assert config is not None
    process = Deferred.__new__(Deferred)
    process.setup(config)
    assert b"search trial-0000" in process._packed and b"trial-0000.log" in process._packed


def test_what_a_stage_raises_ends_the_work_and_is_raised_as_it_is(tmp_path: Path) -> None:
    def breaks(first: Board, second: Board) -> Doing[None]:
        yield stage_of(first)
        raise DiskFull("no space left")

    agenda, _, _ = make(tmp_path, breaks)
    for config in (agenda.next(), agenda.next()):
        assert config is not None
        finish(agenda, config)
    # Tune is told that all is over; it would make the error one of its own.
    assert agenda.next() is None and agenda.over
    with pytest.raises(DiskFull, match="no space left"):
        agenda.check()
    # The same if Tune breaks off while it ends.
    with pytest.raises(DiskFull, match="no space left"):
        agenda.tell(RuntimeError("an actor does not stop"))


def test_a_study_of_which_nothing_is_left(tmp_path: Path) -> None:
    agenda, _, _ = make(tmp_path, lambda first, second: (stage for stage in ()))
    assert agenda.over and agenda.next() is None
    agenda.check()


def test_a_stage_hears_of_tune_s_end_and_may_go_on(tmp_path: Path) -> None:
    heard = []

    def tries_again(first: Board, second: Board) -> Doing[None]:
        try:
            yield stage_of(first)
        except RuntimeError as error:
            heard.append(str(error))
            first.retry()
            yield stage_of(first)

    agenda, first, _ = make(tmp_path, tries_again)
    lost = agenda.next()
    agenda.tell(RuntimeError("the head node is gone"))
    assert heard == ["the head node is gone"] and not agenda.over
    again = agenda.next()
    assert again is not None and lost is not None and again["trial"] == lost["trial"]


def test_ctrl_c_reaches_the_stage(tmp_path: Path) -> None:
    agenda, _, _ = make(tmp_path, both)
    agenda.next()
    with pytest.raises(KeyboardInterrupt):
        agenda.tell(KeyboardInterrupt())
