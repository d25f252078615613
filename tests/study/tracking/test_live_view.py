"""The view prints lines outside a terminal and a live table of cells inside one."""

import io
import time
from pathlib import Path

import pytest
from rich.console import Console

from pkd.runtime.units import duration
from study.config.cell import Cell
from study.config.sections import Asha
from study.search.budget import Budget
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.samplers import ListSampler
from study.storage.ledger import Ledger
from study.tracking.live_view import View
from tests.support.studies.dispatchers import take
from tests.support.studies.fake_stage import FakeReport, report_of, searches

WORK = {"teachers": 1.0, "signals": 1.0, "search": 6.0, "confirm": 1.0, "predict": 1.0}


def console(terminal: bool) -> Console:
    """A console like the command line's, but writing to memory."""
    memory = io.StringIO()
    return Console(file=memory, force_terminal=terminal, width=100, height=30, soft_wrap=True)


def text(view: View) -> str:
    assert isinstance(view.console.file, io.StringIO)
    return view.console.file.getvalue()


def lines(view: View) -> list[str]:
    return text(view).splitlines()


def fixed(stage: str = "search", trials: int = 2, epochs: int = 2) -> CellSearch:
    cell = Cell(stage, "rte", 3, "ft")
    rates = [{"learning_rate": 1e-5 * (1 + number)} for number in range(trials)]
    return CellSearch(cell, ListSampler(rates), Budget(trials, epochs))


def run_trial(dispatcher: TrialDispatcher) -> str:
    search, name = take(dispatcher)
    for epoch in range(1, search.budget.epochs + 1):
        dispatcher.report(search, name, report_of(search, name, epoch))
    return name


def test_without_a_terminal_each_ended_trial_is_a_line(tmp_path: Path) -> None:
    view = View(console(terminal=False), WORK)
    dispatcher = TrialDispatcher("search", [fixed()], Ledger(tmp_path), view)
    with view.stage(dispatcher):
        run_trial(dispatcher)
        # One for the stage and one for the trial; epoch reports are not shown.
        assert len(lines(view)) == 2
        run_trial(dispatcher)
    first, second, third = lines(view)
    assert first == "search: 1 cells, 2 trials"
    assert "search rte-3-ft trial-0000 complete score" in second
    assert "after 2 epoch(s), 4 s · cell 1/2 · study 30 %" in second
    assert "cell 2/2 · study 60 %" in third


def test_a_failed_trial_is_a_line_too(tmp_path: Path) -> None:
    view = View(console(terminal=False), WORK)
    dispatcher = TrialDispatcher("search", [fixed()], Ledger(tmp_path), view)
    with view.stage(dispatcher):
        work = dispatcher.next()
        assert work is not None
        dispatcher.fail(*work, "the training loss is not finite")
    assert "trial-0000 failed after 0 epoch(s)" in lines(view)[-1]
    assert "score" not in lines(view)[-1]


@pytest.mark.parametrize("error", ["OSError: [Errno 28] no space", "bad [/data/x] path", "[red]"])
def test_an_error_is_shown_as_it_is(tmp_path: Path, error: str) -> None:
    # rich would take brackets for markup, and fail on an unmatched closing one.
    view = View(console(terminal=False), WORK)
    dispatcher = TrialDispatcher("search", [fixed()], Ledger(tmp_path), view)
    with view.stage(dispatcher):
        work = dispatcher.next()
        assert work is not None
        dispatcher.mark_interrupted(*work, error)
    assert lines(view)[-1].endswith(f"trial-0000: interrupted: {error}")


def test_trials_that_train_nothing_show_no_score(tmp_path: Path) -> None:
    view = View(console(terminal=False), WORK)
    dispatcher = TrialDispatcher("signals", [fixed("signals", 1, 1)], Ledger(tmp_path), view)
    with view.stage(dispatcher):
        run_trial(dispatcher)
    assert "complete after 1 epoch(s)" in lines(view)[-1]


def test_a_resumed_stage_counts_what_was_done_before(tmp_path: Path) -> None:
    quiet = View(console(terminal=False), WORK)
    run_trial(TrialDispatcher("search", [fixed()], Ledger(tmp_path), quiet))
    view = View(console(terminal=False), WORK)
    with view.stage(TrialDispatcher("search", [fixed()], Ledger(tmp_path), view)):
        pass
    assert lines(view) == ["search: 1 cells, 2 trials, 1 of them done before"]


def test_the_table_shows_each_cell_with_its_counts(tmp_path: Path) -> None:
    view = View(console(terminal=True), WORK)
    cell = fixed()
    dispatcher = TrialDispatcher("search", [cell, *searches()], Ledger(tmp_path), view)
    # The live table renders the same, but at moments of its own choice.
    view.stage(dispatcher)
    first, second = dispatcher.next(), dispatcher.next()
    assert first is not None and second is not None
    for search, name in (first, second):
        dispatcher.report(search, name, report_of(search, name, 1))
    dispatcher.fail(*second, "diverged")
    view.console.print(view.render())
    shown = text(view)
    for name in ("rte-3-ft", "rte-2-pkd-skip", "rte-2-kd", "rte-2-pkd-last", "rte-2-ft"):
        assert name in shown
    for column in ("cell", "trials", "best", "running"):
        assert column in shown
    # Nothing is complete; one trial continues with its second epoch, one has failed.
    assert "0/2" in shown and "(1 failed)" in shown
    assert f"{first[1]} epoch 2/{first[0].budget.epochs}" in shown and "study" in shown


def test_the_table_shows_the_best_score_of_a_cell(tmp_path: Path) -> None:
    view = View(console(terminal=True), WORK)
    dispatcher = TrialDispatcher("search", [fixed(trials=1)], Ledger(tmp_path), view)
    view.stage(dispatcher)
    run_trial(dispatcher)
    best = dispatcher.searches["rte-3-ft"].trials["trial-0000"].best
    assert best is not None
    view.console.print(view.render())
    assert "1/1" in text(view) and f"{100 * best['score']:.1f}" in text(view)
    # The search is six tenths of this study's work.
    assert "60 %" in text(view)


def test_in_a_terminal_the_table_is_live_while_the_stage_runs(tmp_path: Path) -> None:
    view = View(console(terminal=True), WORK)
    dispatcher = TrialDispatcher("search", [fixed(trials=1)], Ledger(tmp_path), view)
    with view.stage(dispatcher):
        run_trial(dispatcher)
    assert "rte-3-ft" in text(view) and "1/1" in text(view)
    # A line for each trial is printed only outside a terminal.
    assert "complete score" not in text(view)


def test_running_cells_are_shown_if_the_table_is_higher_than_the_terminal(tmp_path: Path) -> None:
    small = Console(file=io.StringIO(), force_terminal=True, width=100, height=10)
    view = View(small, WORK)
    many = [
        CellSearch(
            Cell("search", f"task{n}", 3, "ft"), ListSampler([{}]), Budget(1, 1), cost=1 + n
        )
        for n in range(20)
    ]
    dispatcher = TrialDispatcher("search", many, Ledger(tmp_path), view)
    view.stage(dispatcher)
    work = dispatcher.next()
    assert work is not None and work[0].cell.task == "task19"
    assert [s.cell.task for s in view.visible_cells()] == ["task19", "task0", "task1", "task2"]


def test_the_table_tells_what_it_hides(tmp_path: Path) -> None:
    small = Console(file=io.StringIO(), force_terminal=True, width=100, height=10)
    view = View(small, WORK)
    many = [
        CellSearch(Cell("search", f"task{n}", 3, "ft"), ListSampler([{}]), Budget(1, 1))
        for n in range(7)
    ]
    dispatcher = TrialDispatcher("search", many, Ledger(tmp_path), view)
    view.stage(dispatcher)
    run_trial(dispatcher)
    view.console.print(view.render())
    assert "… and 3 more cells" in text(view) and "1 of them finished" in text(view)


def test_a_table_that_fits_hides_nothing(tmp_path: Path) -> None:
    view = View(console(terminal=True), WORK)
    view.stage(TrialDispatcher("search", [fixed()], Ledger(tmp_path), view))
    view.console.print(view.render())
    assert "more cells" not in text(view)


def scored(score: float, classes: int = 2, epoch: int = 1) -> FakeReport:
    return FakeReport(epoch, score, {"validation": {"acc": score}}, classes, 1.0, 1.0)


@pytest.mark.parametrize(
    ("reports", "best", "note"),
    [
        ([scored(0.9, classes=1), scored(0.6)], "60.0", "(1 constant)"),
        ([scored(0.9, classes=1), scored(0.8, classes=1)], "–", "(2 constant)"),
        ([scored(0.9), scored(0.6)], "90.0", ""),
    ],
)
def test_a_constant_trial_is_never_the_best(
    reports: list[FakeReport], best: str, note: str, tmp_path: Path
) -> None:
    view = View(console(terminal=True), WORK)
    dispatcher = TrialDispatcher("search", [fixed(epochs=1)], Ledger(tmp_path), view)
    view.stage(dispatcher)
    for report in reports:
        dispatcher.report(*take(dispatcher), report)
    view.console.print(view.render())
    row = next(line for line in lines(view) if line.startswith("rte-3-ft"))
    assert row.split()[-1] == best and note in row


def test_the_table_counts_what_was_stopped_early(tmp_path: Path) -> None:
    cell = CellSearch(
        Cell("search", "rte", 3, "ft"), ListSampler([{"n": 0}, {"n": 1}]), Budget(2, 4, Asha())
    )
    view = View(console(terminal=True), WORK)
    dispatcher = TrialDispatcher("search", [cell], Ledger(tmp_path), view)
    view.stage(dispatcher)
    first, second = take(dispatcher), take(dispatcher)
    dispatcher.report(*first, scored(0.8))
    # One of two that reach a rung goes on.
    assert dispatcher.report(*second, scored(0.5)) == "stop"
    view.console.print(view.render())
    assert "1/2 (1 stopped early)" in text(view)


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("resumed", [True, False])
def test_the_score_of_the_teacher_is_shown_beside_its_students(
    terminal: bool, resumed: bool, tmp_path: Path
) -> None:
    view = View(console(terminal), WORK)
    teachers = TrialDispatcher("teachers", [fixed("teachers", 1, 1)], Ledger(tmp_path), view)
    if resumed:
        teachers.report(*take(teachers), scored(0.912))
        view.skip(teachers)
    else:
        with view.stage(teachers):
            teachers.report(*take(teachers), scored(0.912))
    students = TrialDispatcher("search", [fixed(trials=1, epochs=1)], Ledger(tmp_path), view)
    with view.stage(students):
        students.report(*take(students), scored(0.6))
        view.console.print(view.render())
    if terminal:
        assert "teacher" in text(view) and "91.2" in text(view)
    else:
        assert "score 60.0 (teacher 91.2)" in text(view)


def test_elapsed_time_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    view = View(console(terminal=False), WORK)
    begun = time.monotonic()
    dispatcher = TrialDispatcher("search", [fixed(trials=1)], Ledger(tmp_path), view)
    monkeypatch.setattr("study.tracking.progress.time.monotonic", lambda: begun + 720)
    with view.stage(dispatcher):
        run_trial(dispatcher)
    assert " · 12 min so far" in lines(view)[-1]


def test_a_line_says_that_a_trial_is_constant(tmp_path: Path) -> None:
    view = View(console(terminal=False), WORK)
    dispatcher = TrialDispatcher("search", [fixed(trials=1, epochs=1)], Ledger(tmp_path), view)
    with view.stage(dispatcher):
        dispatcher.report(*take(dispatcher), scored(0.5, classes=1))
    assert "score 50.0 (constant: predicts a single class)" in lines(view)[-1]


def test_a_skipped_stage_counts_as_done(tmp_path: Path) -> None:
    view = View(console(terminal=False), WORK)
    view.skip("teachers")
    view.skip("signals")
    dispatcher = TrialDispatcher("search", [fixed(trials=1)], Ledger(tmp_path), view)
    with view.stage(dispatcher):
        run_trial(dispatcher)
    assert "study 80 %" in lines(view)[-1]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (89, "89 s"),
        (90, "2 min"),
        (720, "12 min"),
        (3 * 3600 + 20 * 60, "3 h 20 min"),
        (3600 * 47 + 59 * 60, "47 h 59 min"),
        (52 * 3600, "2 d 4 h"),
    ],
)
def test_durations_are_written_for_people(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown
