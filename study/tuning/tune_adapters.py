"""The study as Ray Tune sees it: a searcher that hands out trials, a scheduler that decides."""

from pathlib import Path
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from pkd.runtime.redaction import redacted
from study.cluster.ray_errors import OUT_OF_MEMORY, reason_of
from study.cluster.ray_internals import keep_idle_processes
from study.search.cell_search import STOP
from study.tuning.stage_queue import StageQueue


class _NotPickled:
    """Tune pickles what it is given into files that we never read: it gets nothing."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class StudySearcher(_NotPickled, Searcher):
    """Hands out the study's work.

    Args:
        queue: all of it.
    """

    def __init__(self, queue: StageQueue) -> None:
        super().__init__()
        self._queue = queue

    def suggest(self, trial_id: str) -> Any:
        """The config of the next trial, None while there is none yet, or FINISHED."""
        config = self._queue.next()
        return Searcher.FINISHED if self._queue.over else config

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Nothing to do: the scheduler has told the dispatcher already."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the ledger holds everything, and no pickle is ever read."""

    def restore(self, checkpoint_path: str) -> None:
        """Never used: a resumed study replays its ledger."""


class StudyScheduler(_NotPickled, FIFOScheduler):
    """Passes reports to the dispatcher and its decisions back to Tune.

    Args:
        queue: knows the dispatcher.
        keep: processes that are kept until the study is over, though no trial waits for them.
    """

    def __init__(self, queue: StageQueue, keep: int) -> None:
        super().__init__()
        self._queue, self._keep = queue, keep

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """Has Tune keep processes for which no trial waits: the next stage will need them.

        By itself it keeps one. It offers no setting for this; without what is used here each
        stage starts processes anew, which `tests/end_to_end/test_whole_study.py` would notice.
        """
        if self._keep:
            keep, self._keep = self._keep, 0
            keep_idle_processes(tune_controller, trial, keep)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Records the report; the decision is the cell's own."""
        dispatcher = self._queue.dispatcher
        search, name = self._queue.work_of(trial.config)
        if error := result.get("broken"):
            dispatcher.break_off(search, name, error)
            return str(TrialScheduler.STOP)
        if error := result.get("failed"):
            dispatcher.fail(search, name, redacted(error))
            return str(TrialScheduler.STOP)
        decision = dispatcher.report(search, name, result["report"].to_dict())
        return str(TrialScheduler.STOP if decision == STOP else TrialScheduler.CONTINUE)

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """A trial that waits for its process. FIFO's own choice looks at all that ever ran."""
        live = tune_controller.get_live_trials()
        return next((trial for trial in live if trial.status == Trial.PENDING), None)

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save, see `StudySearcher.save`."""


class BrokenTrials(_NotPickled, Callback):
    """Tells the dispatcher of trials that failed more often than Tune retries.

    Their process or node died, or an error that nobody foresaw ended them. Where the machine's
    memory ran out, other trials would fare no better: then it ends the run of Tune.
    """

    def __init__(self, queue: StageQueue) -> None:
        self._queue = queue

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        """Sets the trial aside with a line of its error."""
        _forget_pickled_error(trial)
        # `Trial.get_error` reads the copy of this file in the storage, which may not be there yet.
        path = Path(trial.error_file or "")
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        last = text.rpartition("Failure # ")[2]
        reason = reason_of(last)
        if reason.startswith(OUT_OF_MEMORY):
            raise RuntimeError(last)
        self._queue.dispatcher.break_off(*self._queue.work_of(trial.config), reason)

    def on_trial_recover(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        """Nothing to tell: Tune tries again."""
        _forget_pickled_error(trial)


def _forget_pickled_error(trial: Trial) -> None:
    """At the end of its run Tune would read the error back from a pickle in its scratch."""
    trial.run_metadata.pickled_error_filename = None
