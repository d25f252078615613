"""Shows a running study to the user: a live table in a terminal, lines elsewhere."""

import time
from collections import defaultdict
from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from pkd.runtime.units import duration
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher, TrialRef


class View:
    """Shows the progress of each cell and of the study, and the time left.

    Args:
        console: where to write; a terminal gets a live table, anything else a line per trial.
        work: relative cost of each stage, for the progress of the study.
    """

    def __init__(self, console: Console, work: dict[str, float]) -> None:
        self.console = console
        self._work = work
        self._finished_stages: list[str] = []
        self._dispatcher: TrialDispatcher | None = None
        # Cached per cell: computing it for every cell at every line would cost more than the rest.
        self._planned_work: dict[CellSearch, float] = {}
        self._done_work: dict[CellSearch, float] = {}
        self._start_time = time.monotonic()
        self._progress_at_start: float | None = None
        self._live: Live | None = None

    def note(self, text: str) -> None:
        """Prints a line that stays."""
        self.console.print(text, highlight=False)

    def stage(self, dispatcher: TrialDispatcher) -> "View":
        """Shows a stage while a block runs: ``with view.stage(dispatcher):``."""
        self._dispatcher = dispatcher
        self._planned_work, self._done_work = {}, {}
        for search in dispatcher.searches.values():
            self._update_work(search)
        return self

    def __enter__(self) -> None:
        assert self._dispatcher is not None
        self.note(f"[bold]{self._dispatcher.stage}[/bold]: {_summary(self._dispatcher)}")
        if self._progress_at_start is None:
            self._progress_at_start = self._progress()
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
            self._finished_stages.append(self._dispatcher.stage)

    def skip(self, stage: str) -> None:
        """Counts a stage as finished that had nothing left to do."""
        self._finished_stages.append(stage)

    def changed(
        self, dispatcher: TrialDispatcher, search: CellSearch, trial: str, what: str
    ) -> None:
        """Shows an event of the dispatcher; see `study.search.dispatcher.Observer`."""
        if dispatcher is self._dispatcher:
            self._update_work(search)
        if self._live is not None or self._dispatcher is None:
            return
        state = search.trials[trial]
        name = f"{dispatcher.stage} {search.cell.name} {trial}"
        if what == "error":
            error = dispatcher.interrupted[TrialRef(search, trial)]
            # An error's text may hold brackets, which rich would take for markup.
            self.note(f"{_clock()} {name}: interrupted: {escape(error)}")
        elif what == "end":
            score = _score(search, trial)
            result = "" if score is None else f" score {100 * score:.1f}"
            result += " (predicts a single class)" if state.constant else ""
            progress = self._progress()
            self.note(
                f"{_clock()} {name} {state.state}{result} after {len(state.reports)} epoch(s), "
                f"{state.seconds:.0f} s · cell {search.useful}/{search.budget.trials}"
                f" · study {100 * progress:.0f} %{self._time_left(progress)}"
            )

    def render(self) -> Group:
        """Returns the table of cells and the progress bar of the study."""
        assert self._dispatcher is not None
        table = Table(box=None, pad_edge=False)
        for column in ("cell", "trials", "best", "running"):
            table.add_column(column, justify="left" if column in ("cell", "running") else "right")
        running = defaultdict(list)
        # A copy, because the driver changes it while this thread reads.
        for search, name in list(self._dispatcher.running):
            epoch = len(search.trials[name].reports) + 1
            running[search].append(f"{name} epoch {epoch}/{search.budget.epochs}")
        for search in self.visible_cells():
            best = _best_score(search)
            unused = {"failed": search.count("failed"), "constant": search.constant}
            note = ", ".join(f"{count} {kind}" for kind, count in unused.items() if count)
            table.add_row(
                search.cell.name,
                f"{search.useful}/{search.budget.trials}" + (f" ({note})" if note else ""),
                "–" if best is None else f"{100 * best:.1f}",
                ", ".join(running[search]),
            )
        progress = self._progress()
        text = TextColumn("{task.percentage:>3.0f} %{task.fields[left]}")
        bar = Progress(TextColumn("study"), BarColumn(), text)
        left = self._time_left(progress)
        bar.add_task("study", total=100, completed=int(100 * progress), left=left)
        return Group(table, bar)

    def visible_cells(self) -> Sequence[CellSearch]:
        """Returns the cells that fit the terminal: running, then unfinished, then finished."""
        assert self._dispatcher is not None
        running = {id(search) for search, _ in list(self._dispatcher.running)}
        searches = sorted(
            self._dispatcher.searches.values(), key=lambda s: (id(s) not in running, s.done)
        )
        return searches[: max(4, self.console.height - 6)]

    def _progress(self) -> float:
        """Returns the share of the study's work that is done, 0 … 1."""
        total = sum(self._work.values()) or 1.0
        done = sum(self._work[stage] for stage in self._finished_stages)
        dispatcher = self._dispatcher
        if dispatcher is not None and dispatcher.stage not in self._finished_stages:
            planned = sum(self._planned_work.values())
            stage_progress = sum(self._done_work.values()) / planned if planned else 1.0
            done += self._work[dispatcher.stage] * stage_progress
        return min(1.0, done / total)

    def _update_work(self, search: CellSearch) -> None:
        self._planned_work[search] = search.cost * search.budget.epochs * search.wanted
        self._done_work[search] = search.cost * search.epochs_done

    def _time_left(self, progress: float) -> str:
        begin = self._progress_at_start or 0.0
        if progress - begin < 0.01 or progress >= 1:
            return ""
        elapsed = time.monotonic() - self._start_time
        return f" · about {duration(elapsed * (1 - progress) / (progress - begin))} left"


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
    return _score(search, search.winner) if search.winner else None


def _clock() -> str:
    return time.strftime("%H:%M:%S")
