"""What a person sees of a running study: a live table in a terminal, lines elsewhere."""

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
from study.search.dispatcher import TrialDispatcher, seconds_of


class View:
    """Shows each cell's progress, the study's and the time that is left.

    Args:
        console: where to write; a terminal gets a live table, anything else one line per trial.
        work: relative cost of each stage, for the overall progress.
    """

    def __init__(self, console: Console, work: dict[str, float]) -> None:
        self.console = console
        self._work = work
        self._finished_stages: list[str] = []
        self._dispatcher: TrialDispatcher | None = None
        # Work of each cell, kept: asking every cell at every line would cost more than the rest.
        self._planned: dict[CellSearch, float] = {}
        self._done: dict[CellSearch, float] = {}
        self._began = time.monotonic()
        self._share_at_start: float | None = None
        self._live: Live | None = None

    def note(self, text: str) -> None:
        """Writes one line that stays."""
        self.console.print(text, highlight=False)

    def stage(self, dispatcher: TrialDispatcher) -> "View":
        """Turns to a stage; use it as ``with view.stage(dispatcher):``."""
        self._dispatcher = dispatcher
        self._planned, self._done = {}, {}
        for search in dispatcher.searches.values():
            self._weigh(search)
        return self

    def __enter__(self) -> None:
        assert self._dispatcher is not None
        self.note(f"[bold]{self._dispatcher.stage}[/bold]: {_summary(self._dispatcher)}")
        if self._share_at_start is None:
            self._share_at_start = self._share()
        if self.console.is_terminal:
            self._live = Live(
                get_renderable=self._render, console=self.console, refresh_per_second=1
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
        """Counts a stage that had nothing left to do."""
        self._finished_stages.append(stage)

    def changed(
        self, dispatcher: TrialDispatcher, search: CellSearch, trial: str, what: str
    ) -> None:
        """Follows the dispatcher; see `study.search.dispatcher.Observer`."""
        if dispatcher is self._dispatcher:
            self._weigh(search)
        if self._live is not None or self._dispatcher is None:
            return
        state = search.trials[trial]
        name = f"{dispatcher.stage} {search.cell.name} {trial}"
        if what == "error":
            # An error's text may hold brackets, which rich would read as markup.
            self.note(f"{_clock()} {name}: broken off: {escape(dispatcher.broken[search, trial])}")
        elif what == "end":
            score = _score(search, trial)
            scored = "" if score is None else f" score {100 * score:.1f}"
            scored += " (predicts one class only)" if state.constant else ""
            share = self._share()
            self.note(
                f"{_clock()} {name} {state.state}{scored} after {len(state.reports)} epoch(s), "
                f"{seconds_of(state):.0f} s · cell {search.useful}/{search.budget}"
                f" · study {100 * share:.0f} %{self._time_left(share)}"
            )

    def _render(self) -> Group:
        assert self._dispatcher is not None
        table = Table(box=None, pad_edge=False)
        for column in ("cell", "trials", "best", "running"):
            table.add_column(column, justify="left" if column in ("cell", "running") else "right")
        running = defaultdict(list)
        # A copy: the driver goes on while this thread looks.
        for search, name in list(self._dispatcher.running):
            epoch = len(search.trials[name].reports) + 1
            running[search].append(f"{name} epoch {epoch}/{search.epochs}")
        for search in self._visible():
            best = _best_score(search)
            flaws = {"failed": search.count("failed"), "constant": search.constant}
            told = ", ".join(f"{count} {flaw}" for flaw, count in flaws.items() if count)
            table.add_row(
                search.cell.name,
                f"{search.useful}/{search.budget}" + (f" ({told})" if told else ""),
                "–" if best is None else f"{100 * best:.1f}",
                ", ".join(running[search]),
            )
        share = self._share()
        text = TextColumn("{task.percentage:>3.0f} %{task.fields[left]}")
        bar = Progress(TextColumn("study"), BarColumn(), text)
        bar.add_task("study", total=100, completed=int(100 * share), left=self._time_left(share))
        return Group(table, bar)

    def _visible(self) -> Sequence[CellSearch]:
        """The cells that fit the terminal: running ones first, then unfinished, then done."""
        assert self._dispatcher is not None
        running = {id(search) for search, _ in list(self._dispatcher.running)}
        searches = sorted(
            self._dispatcher.searches.values(), key=lambda s: (id(s) not in running, s.done)
        )
        return searches[: max(4, self.console.height - 6)]

    def _share(self) -> float:
        total = sum(self._work.values()) or 1.0
        done = sum(self._work[stage] for stage in self._finished_stages)
        dispatcher = self._dispatcher
        if dispatcher is not None and dispatcher.stage not in self._finished_stages:
            planned = sum(self._planned.values())
            share = sum(self._done.values()) / planned if planned else 1.0
            done += self._work[dispatcher.stage] * share
        return min(1.0, done / total)

    def _weigh(self, search: CellSearch) -> None:
        self._planned[search] = search.cost * search.epochs * search.wanted
        self._done[search] = search.cost * search.epochs_done

    def _time_left(self, share: float) -> str:
        begin = self._share_at_start or 0.0
        if share - begin < 0.01 or share >= 1:
            return ""
        seconds = (time.monotonic() - self._began) * (1 - share) / (share - begin)
        return f" · about {duration(seconds)} left"


def _summary(dispatcher: TrialDispatcher) -> str:
    trials = sum(search.wanted for search in dispatcher.searches.values())
    done = sum(len(s.trials) - s.count("running") for s in dispatcher.searches.values())
    text = f"{len(dispatcher.searches)} cells, {trials} trials"
    return text + (f", {done} of them done before" if done else "")


def _score(search: CellSearch, trial: str) -> float | None:
    """A trial's best score; None for stages that train nothing and trials without a report."""
    best = search.trials[trial].best
    if best is None or search.cell.stage in ("signals", "predict"):
        return None
    return float(best["score"])


def _best_score(search: CellSearch) -> float | None:
    return _score(search, search.winner) if search.winner else None


def _clock() -> str:
    return time.strftime("%H:%M:%S")
