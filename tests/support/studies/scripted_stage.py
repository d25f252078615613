"""A stage whose runs of Tune are scripts."""

from collections.abc import Callable
from pathlib import Path

from ray.exceptions import OutOfMemoryError

from study.config.cell import Cell
from study.search.budget import Budget
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.samplers import ListSampler
from study.storage.layout import Layout
from study.storage.ledger import Ledger
from study.trials.study_trial import StudyTrial
from study.tuning.retries import run_until_done
from study.tuning.stage_queue import Stage, StageGenerator
from tests.support.studies.dispatchers import take
from tests.support.studies.fake_stage import Unwatched, report_of

# The message of Ray 2.60, without the list of its ten largest processes.
KILLED = """1 worker(s) were killed due to the node running low on memory. Memory on the node \
(IP: 192.0.2.7, ID: 7d4b02) was 6.36GB used / 23.54GB limit (0.270220)
OOM kill reason: Memory usage 6660153344B exceeded threshold of 6646710272B
Refer to the documentation on how to address the out of memory issue: https://docs.ray.io"""

Script = Callable[[TrialDispatcher], None]


class ScriptedStage:
    """A stage of one cell with four trials, and how often Tune and Ray were started."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder)
        sampler = ListSampler([{}] * 4)
        search = CellSearch(Cell("search", "rte", 2, "ft"), sampler, Budget(4, 1))
        self.dispatcher = TrialDispatcher(
            "search", [search], Ledger(self.layout.ledger), Unwatched()
        )
        self.notes: list[str] = []
        self.runs = self.restarts = 0

    def stages(self) -> StageGenerator[None]:
        """Yields the stage as a study does, to be run until it is done."""

        def restart() -> None:
            self.restarts += 1

        stage = Stage(self.dispatcher, StudyTrial, lambda search, trial: None)
        return run_until_done(stage, self.layout, restart, self.notes.append)

    def run(self, *scripts: Script) -> None:
        """Runs the stage with a script for each run of Tune; the last one is repeated."""
        stages = self.stages()
        stage = next(stages, None)
        while stage is not None:
            script = scripts[min(self.runs, len(scripts) - 1)]
            self.runs += 1
            try:
                script(stage.dispatcher)
            except Exception as error:  # as `run_stages` passes on what Tune raises
                stage = stages.throw(error)
            else:
                stage = next(stages, None)


def finish(dispatcher: TrialDispatcher) -> None:
    """Runs all remaining trials."""
    while (trial := dispatcher.next()) is not None:
        dispatcher.report(*trial, report_of(*trial, 1))


def finish_one(dispatcher: TrialDispatcher) -> None:
    """Runs one trial."""
    trial = take(dispatcher)
    dispatcher.report(*trial, report_of(*trial, 1))


def interrupt_one(dispatcher: TrialDispatcher) -> None:
    """Starts a trial whose process dies as often as Tune retries it."""
    dispatcher.mark_interrupted(*take(dispatcher), "the actor died")


def run_out_of_memory(dispatcher: TrialDispatcher, at_once: int = 3) -> None:
    """Starts trials, of which Ray kills one."""
    for _ in range(at_once):
        dispatcher.next()
    raise RuntimeError(f"Caught unexpected exception: {KILLED}") from OutOfMemoryError(KILLED)
