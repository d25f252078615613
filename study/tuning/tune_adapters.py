"""What connects a study to Ray Tune: a searcher, a scheduler and a callback."""

from pathlib import Path
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from pkd.runtime.redaction import redacted
from study.cluster.ray_errors import OUT_OF_MEMORY, reason_of
from study.cluster.ray_internals import keep_idle_processes
from study.search.trial_record import STOP
from study.tuning.stage_queue import StageQueue


class _NotPickled:
    """Has an empty pickled state: Tune pickles its searcher into files that nobody reads."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class StudySearcher(_NotPickled, Searcher):
    """Hands out the study's trials to Tune.

    Args:
        queue: the trials of all stages.
    """

    def __init__(self, queue: StageQueue) -> None:
        super().__init__()
        self._queue = queue

    def suggest(self, trial_id: str) -> Any:
        """Returns the config of the next trial, None if there is none yet, or FINISHED."""
        config = self._queue.next()
        return Searcher.FINISHED if self._queue.finished else config

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Does nothing: the scheduler has informed the dispatcher already."""

    def save(self, checkpoint_path: str) -> None:
        """Does nothing: the ledger holds everything, and no pickle is ever read."""

    def restore(self, checkpoint_path: str) -> None:
        """Does nothing: a resumed study replays its ledger."""


class StudyScheduler(_NotPickled, FIFOScheduler):
    """Passes reports to the dispatcher and its decisions back to Tune.

    Args:
        queue: holds the dispatcher of the present stage.
        keep: number of processes that are kept until the study ends, even if no trial waits.
    """

    def __init__(self, queue: StageQueue, keep: int) -> None:
        super().__init__()
        self._queue, self._keep = queue, keep

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """Makes Tune keep processes for which no trial waits: the next stage needs them.

        By itself Tune keeps one and starts new processes in each stage.
        """
        if self._keep:
            keep, self._keep = self._keep, 0
            keep_idle_processes(tune_controller, trial, keep)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Records the report and returns the decision of the trial's cell."""
        dispatcher = self._queue.dispatcher
        search, name = self._queue.trial_of(trial.config)
        if error := result.get("error"):
            dispatcher.mark_interrupted(search, name, error)
            return str(TrialScheduler.STOP)
        if error := result.get("failed"):
            dispatcher.fail(search, name, redacted(error))
            return str(TrialScheduler.STOP)
        decision = dispatcher.report(search, name, result["report"])
        return str(TrialScheduler.STOP if decision == STOP else TrialScheduler.CONTINUE)

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """Returns a trial that waits for a process. FIFO's own choice reads every past trial."""
        live = tune_controller.get_live_trials()
        return next((trial for trial in live if trial.status == Trial.PENDING), None)

    def save(self, checkpoint_path: str) -> None:
        """Does nothing, see `StudySearcher.save`."""


class InterruptedTrials(_NotPickled, Callback):
    """Marks trials as interrupted that failed more often than Tune retries.

    Their process or node died, or an unexpected error ended them. If the machine's memory ran out,
    other trials would fail as well: then the callback ends the run of Tune.
    """

    def __init__(self, queue: StageQueue) -> None:
        self._queue = queue

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        """Marks the trial as interrupted, with a line of its error."""
        _forget_pickled_error(trial)
        # `Trial.get_error` reads the copy of this file in the storage, which may not be there yet.
        path = Path(trial.error_file or "")
        failures = path.read_text(encoding="utf-8") if path.is_file() else ""
        last = failures.rpartition("Failure # ")[2]
        reason = reason_of(last)
        if reason.startswith(OUT_OF_MEMORY):
            raise RuntimeError(last)
        self._queue.dispatcher.mark_interrupted(*self._queue.trial_of(trial.config), reason)

    def on_trial_recover(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        """Tune tries the trial again; nothing is recorded."""
        _forget_pickled_error(trial)


def _forget_pickled_error(trial: Trial) -> None:
    """Keeps Tune from reading the error from a pickle in its scratch when its run ends."""
    trial.run_metadata.pickled_error_filename = None
