"""Shows a running study to the user: a live table in a terminal, lines elsewhere."""

import time
from collections import defaultdict
from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from pkd.runtime.units import duration
from pkd.shown_text import lines
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher, TrialRef
from study.tracking.progress import Progress


class View:
    """Shows the progress of each cell and of the study, and the time left.

    Args:
        console: where to write; a terminal gets a live table, anything else a line per trial.
        work: expected work of each stage, for the progress of the study.
    """

    def __init__(self, console: Console, work: dict[str, float]) -> None:
        self.console = console
        self._progress = Progress(work)
        self._dispatcher: TrialDispatcher | None = None
        self._teachers: dict[str, float] = {}
        self._live: Live | None = None

    def note(self, text: str) -> None:
        """Prints a line that stays; brackets in it are no markup."""
        self.console.print(Text(lines(text)))

    def stage(self, dispatcher: TrialDispatcher) -> "View":
        """Shows a stage while a block runs: ``with view.stage(dispatcher):``."""
        self._dispatcher = dispatcher
        self._progress.begin(dispatcher)
        return self

    def __enter__(self) -> None:
        assert self._dispatcher is not None
        stage = Text(self._dispatcher.stage, style="bold")
        self.console.print(stage.append(f": {_summary(self._dispatcher)}", style="not bold"))
        if self.console.is_terminal:
            self._live = Live(
                get_renderable=self.render, console=self.console, refresh_per_second=1
            )
            self._live.start()

    def __exit__(self, *error: object) -> None:
        assert self._dispatcher is not None
        if self._live is not None:
            self._live.stop()
            self._live = None
        if self._dispatcher.done:
            self.skip(self._dispatcher)

    def skip(self, stage: TrialDispatcher | str) -> None:
        """Counts a stage as finished that has nothing left to do."""
        if isinstance(stage, str):
            self._progress.finish(stage)
            return
        self._progress.finish(stage.stage)
        if stage.stage == "teachers":
            scores = {each.cell.task: _best_score(each) for each in stage.searches.values()}
            self._teachers = {task: best for task, best in scores.items() if best is not None}

    def changed(
        self, dispatcher: TrialDispatcher, search: CellSearch, trial: str, what: str
    ) -> None:
        """Shows an event of the dispatcher; see `study.search.dispatcher.Observer`."""
        if dispatcher is self._dispatcher:
            self._progress.changed(search, trial, what)
        if self._live is not None or self._dispatcher is None:
            return
        state = search.trials[trial]
        name = f"{dispatcher.stage} {search.cell.name} {trial}"
        if what == "error":
            error = dispatcher.interrupted[TrialRef(search, trial)]
            self.note(f"{_clock()} {name}: interrupted: {error}")
        elif what == "end":
            score = _score(search, trial)
            result = "" if score is None else f" score {100 * score:.1f}"
            result += " (constant: predicts a single class)" if state.constant else ""
            if score is not None and (teacher := self._to_beat(search)) is not None:
                result += f" (teacher {100 * teacher:.1f})"
            self.note(
                f"{_clock()} {name} {state.state}{result} after {len(state.reports)} epoch(s), "
                f"{state.seconds:.0f} s · cell {search.useful}/{search.budget.trials}"
                f" · study {self._standing()}"
            )

    def render(self) -> Group:
        """Returns the table of cells and the progress bar of the study."""
        assert self._dispatcher is not None
        table = Table(box=None, pad_edge=False)
        columns = ["cell", "trials", "best", *["teacher"] * bool(self._teachers), "running"]
        for column in columns:
            table.add_column(column, justify="left" if column in ("cell", "running") else "right")
        running = defaultdict(list)
        # A copy, because the driver changes it while this thread reads.
        for search, name in list(self._dispatcher.running):
            epoch = len(search.trials[name].reports) + 1
            running[search].append(f"{name} epoch {epoch}/{search.budget.epochs}")
        visible = self.visible_cells()
        for search in visible:
            row = {
                "cell": search.cell.name,
                "trials": f"{search.useful}/{search.budget.trials}{_unfinished(search)}",
                "best": _percent(_best_score(search)),
                "teacher": _percent(self._to_beat(search)),
                "running": ", ".join(running[search]),
            }
            table.add_row(*(row[column] for column in columns))
        hidden = [each for each in self._dispatcher.searches.values() if each not in visible]
        if hidden:
            done = sum(search.done for search in hidden)
            table.add_row(f"… and {len(hidden)} more cells", f"{done} of them finished")
        bar = Bar(TextColumn("study"), BarColumn(), TextColumn("{task.fields[standing]}"))
        share = self._progress.share
        bar.add_task("study", total=100, completed=int(100 * share), standing=self._standing())
        return Group(table, bar)

    def visible_cells(self) -> Sequence[CellSearch]:
        """Returns the cells that fit the terminal: running, then unfinished, then finished."""
        assert self._dispatcher is not None
        running = {id(search) for search, _ in list(self._dispatcher.running)}
        searches = sorted(
            self._dispatcher.searches.values(), key=lambda s: (id(s) not in running, s.done)
        )
        return searches[: max(4, self.console.height - 7)]

    def _to_beat(self, search: CellSearch) -> float | None:
        """Returns the score of the teacher that a cell's students learn from."""
        return None if search.cell.stage == "teachers" else self._teachers.get(search.cell.task)

    def _standing(self) -> str:
        text = f"{100 * self._progress.share:.0f} % · {duration(self._progress.elapsed)} so far"
        left = self._progress.seconds_left()
        return text if left is None else f"{text} · about {duration(left)} left"


def _summary(dispatcher: TrialDispatcher) -> str:
    trials = sum(search.wanted for search in dispatcher.searches.values())
    done = sum(len(s.trials) - s.count("running") for s in dispatcher.searches.values())
    text = f"{len(dispatcher.searches)} cells, {trials} trials"
    return text + (f", {done} of them done before" if done else "")


def _score(search: CellSearch, trial: str) -> float | None:
    """Returns a trial's best score; None if its stage trains nothing or it has no report."""
    best = search.trials[trial].best
    if best is None or search.cell.stage in ("signals", "predict"):
        return None
    return float(best["score"])


def _best_score(search: CellSearch) -> float | None:
    """Returns a cell's best score so far, without constant trials: they have learnt nothing."""
    winner = search.winner
    return None if winner is None or search.trials[winner].constant else _score(search, winner)


def _unfinished(search: CellSearch) -> str:
    """Returns how many trials were not trained to their end, or not usefully."""
    counts = {
        "stopped early": search.count("stopped"),
        "failed": search.count("failed"),
        "constant": search.constant,
    }
    text = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    return f" ({text})" if text else ""


def _percent(score: float | None) -> str:
    return "–" if score is None else f"{100 * score:.1f}"


def _clock() -> str:
    return time.strftime("%H:%M:%S")
