"""Measures driver time and memory per trial and replay of the ledger, by the size of a study.

The study's own TrialDispatcher, cells (TPE and ASHA), Ledger and view run trials that only sleep
and report. Without --ray a loop stands for the workers, at five sizes. With --ray, Ray Tune runs
the trials in real actors, in the same way as a study.

python -m tests.benchmarks.scale.many_trials [--cells 500] [--trials 10000] [--at-once 1000]
    [--epochs 4]
python -m tests.benchmarks.scale.many_trials --ray --cells 100 --trials 2000 --at-once 100
    --sleep 5
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from pkd.distillation.recipe import Method
from study.cluster.driver_environment import driver_environment
from study.config.cell import Cell
from study.config.search_space import Space
from study.config.sections import Asha
from study.search.budget import Budget
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher, TrialRef
from study.search.samplers import OptunaSampler, dimensions
from study.search.trial_record import STOP
from study.storage.layout import Layout
from study.storage.ledger import Ledger
from study.tracking.live_view import View
from study.tuning.stage_queue import Stage
from tests.benchmarks.scale.sleeper import Sleeper, SleeperWork, SleptEpoch

METHODS: tuple[Method, ...] = ("ft", "kd", "pkd-skip", "pkd-last")
SHARES = (0.05, 0.1, 0.2, 0.5, 1.0)
WINDOWS = 10


@dataclass(frozen=True)
class Size:
    """The size of a stage.

    Attributes:
        cells: number of cells; all have the same number of trials.
        trials: trials of all cells together.
        at_once: trials that run at once.
        epochs: epochs of a trial.
    """

    cells: int
    trials: int
    at_once: int
    epochs: int

    def dispatcher(self, root: Path, view: View) -> TrialDispatcher:
        """Returns a new dispatcher; it replays the ledger if there is one."""
        return TrialDispatcher(
            "search", [self._search(n) for n in range(self.cells)], Ledger(root), view
        )

    def _search(self, number: int) -> CellSearch:
        cell = Cell("search", f"task{number // 4:03d}", 3, METHODS[number % 4])
        budget = self.trials // self.cells
        space = dimensions(Space(), cell.tunable, {})
        sampler = OptunaSampler(space, "tpe", 42, cell.name, startup=max(2, budget // 3))
        return CellSearch(cell, sampler, Budget(budget, self.epochs, Asha()), cost=1.0 + number)


@dataclass(frozen=True)
class Cost:
    """Cost of a part of the driver's work: wall and CPU seconds, MB, ledger events."""

    wall: float
    cpu: float
    mb: float
    events: int


def measured(part: Callable[..., TrialDispatcher], *arguments: Any) -> Cost:
    """Returns the cost of a part in a new process, without imports."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as fresh:
        return fresh.submit(_cost, part, *arguments).result()


def _cost(part: Callable[..., TrialDispatcher], *arguments: Any) -> Cost:
    peak, wall, cpu = _peak_mb(), time.perf_counter(), time.process_time()
    dispatcher = part(*arguments)
    return Cost(
        time.perf_counter() - wall,
        time.process_time() - cpu,
        _peak_mb() - peak,
        dispatcher.ledger.length,
    )


def drive(size: Size, root: Path) -> TrialDispatcher:
    """Runs a stage; a loop stands for the workers, and trials report in turn."""
    view = View(Console(file=open(os.devnull, "w")), {"search": 1.0})  # noqa: SIM115
    dispatcher = size.dispatcher(root, view)
    running: deque[TrialRef] = deque()
    with view.stage(dispatcher):
        while True:
            while len(running) < size.at_once and (trial := dispatcher.next()) is not None:
                running.append(trial)
            if not running:
                return dispatcher
            search, name = running.popleft()
            epoch = SleptEpoch(search.cell.name, name, 1 + len(search.trials[name].reports))
            if dispatcher.report(search, name, epoch) != STOP:
                running.append(TrialRef(search, name))


def replay(size: Size, root: Path) -> TrialDispatcher:
    """Replays the ledger, as a driver does that resumes the study."""
    return size.dispatcher(root, View(Console(), {"search": 1.0}))


def growth(whole: Size) -> None:
    """Prints the cost of the driver and of the replay at each share of the whole size."""
    print("| trials | cells | at once | events | driver ms/trial | of it CPU | MB |", end="")
    print(" replay s | of it CPU | MB |\n" + "|---" * 10 + "|")
    for share in SHARES:
        cells, trials = round(whole.cells * share), round(whole.trials * share)
        size = Size(cells, trials, round(whole.at_once * share), whole.epochs)
        with tempfile.TemporaryDirectory() as folder:
            live = measured(drive, size, Path(folder))
            again = measured(replay, size, Path(folder))
        print(
            f"| {trials:,} | {cells} | {size.at_once:,} | {live.events:,} | "
            f"{1e3 * live.wall / trials:.1f} | {1e3 * live.cpu / trials:.1f} | {live.mb:.0f} | "
            f"{again.wall:.1f} | {again.cpu:.1f} | {again.mb:.0f} |",
            flush=True,
        )


class Clock(View):
    """A view that also prints the driver's time and memory, ten times in a stage."""

    def __init__(self, console: Console, trials: int) -> None:
        super().__init__(console, {"search": 1.0})
        self._every, self._ended, self._at_once = max(1, trials // WINDOWS), 0, 0
        self._private: list[float] = []
        self._last = time.monotonic(), time.process_time()

    def changed(
        self, dispatcher: TrialDispatcher, search: CellSearch, trial: str, what: str
    ) -> None:
        """Follows the dispatcher; see `study.search.dispatcher.Observer`."""
        super().changed(dispatcher, search, trial, what)
        self._at_once = max(self._at_once, len(dispatcher.running))
        if what == "report":
            self._private.append(search.trials[trial].reports[-1]["private_mb"])
        if what != "end":
            return
        self._ended += 1
        if self._ended % self._every == 0:
            now = time.monotonic(), time.process_time()
            wall, cpu = (after - before for after, before in zip(now, self._last, strict=True))
            private = sum(self._private) / len(self._private)
            print(
                f"| {self._ended:,} | {wall:.0f} | {1e3 * cpu / self._every:.1f} | "
                f"{_peak_mb():.0f} | {self._at_once} | {private:.0f} |",
                flush=True,
            )
            self._last, self._at_once, self._private = now, 0, []


@driver_environment()
def on_ray(size: Size, sleep: float) -> None:
    """Prints the driver's cost while Ray Tune runs the stage, in ten parts."""
    from study.cluster.ray_cluster import start_ray, stop_ray
    from study.config.sections import Resources
    from study.tuning.retries import run_until_done
    from study.tuning.tuner import run_stages

    def make_work(search: CellSearch, trial: str) -> SleeperWork:
        return SleeperWork(search.cell.name, trial, len(search.trials[trial].reports), sleep)

    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder))
        view = Clock(Console(file=open(os.devnull, "w")), size.trials)  # noqa: SIM115
        dispatcher = size.dispatcher(layout.ledger, view)
        scratch = start_ray(None, layout.out)
        try:
            import ray

            share = ray.cluster_resources()["CPU"] / size.at_once
            resources = Resources(cpus_per_trial=share)
            print("| ended | wall s | driver CPU ms/trial | driver MB | at once | MB/actor |")
            print("|---" * 6 + "|", flush=True)
            with view.stage(dispatcher):
                stage = Stage(dispatcher, Sleeper, make_work)
                run_stages(run_until_done(stage, layout, lambda: None, print), resources, layout)
        finally:
            stop_ray(scratch)
        again = measured(replay, size, layout.ledger)
    print(f"replay: {again.wall:.1f} s for {again.events} events")


def _peak_mb() -> float:
    # Not getrusage: a new process inherits the value of its parent.
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1e3


def main() -> None:
    """Prints one of the two tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=500)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--sleep", type=float, default=5.0, help="with --ray: seconds an epoch")
    parser.add_argument("--ray", action="store_true", help="use Ray Tune and real actors")
    options = parser.parse_args()
    size = Size(options.cells, options.trials, options.at_once, options.epochs)
    if options.ray:
        on_ray(size, options.sleep)
    else:
        growth(size)


if __name__ == "__main__":
    main()
