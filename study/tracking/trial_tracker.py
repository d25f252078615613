"""Sends a stage's trials to the chosen trackers, each from its own thread: none slows the study.

Tune's own trials and results are packed (`study.trials.lazy_trainable`), and Tune may deliver an
epoch twice. So Ray's callbacks are called from the dispatcher's events, which hold settings,
metrics and what was recorded before.
"""

import contextlib
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

from pkd.files.cache import fingerprint
from pkd.runtime.redaction import redacted
from study.cluster.ray_errors import reason_of
from study.config.sections import Trackers
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.trial_record import TrialRecord
from study.storage.layout import Layout
from study.storage.study_file import identity_of
from study.tracking.tracked_trial import TrackedTrial

_STAGES = ("teachers", "search", "confirm")
# Seconds that a finished stage, and one that Ctrl-C ends, waits for trackers to log everything.
TIMEOUT_S, INTERRUPTED_TIMEOUT_S = 60, 10
_LONGEST_NAME = 110  # characters; MLflow takes 250 for a split and a metric
_MEASURES = ("score", "train_loss", "train_accuracy", "dev_loss")


@contextlib.contextmanager
def tracked(
    dispatcher: TrialDispatcher, trackers: Trackers, layout: Layout, note: Callable[[str], None]
) -> Iterator[None]:
    """Logs a dispatcher's trials with the chosen trackers while the block runs.

    A tracker that fails is reported once and skipped until the next stage.

    Args:
        dispatcher: of the stage.
        trackers: the configuration.
        layout: where files go; its ``study.yaml`` names the study.
        note: prints a line for the user.
    """
    if not trackers.chosen or dispatcher.stage not in _STAGES:
        yield
        return
    observer = _TrackerObserver(trackers, layout, note)
    dispatcher.observers.append(observer)
    timeout = TIMEOUT_S
    try:
        yield
    except BaseException as error:
        timeout = TIMEOUT_S if isinstance(error, Exception) else INTERRUPTED_TIMEOUT_S
        raise
    finally:
        for search, name in list(dispatcher.running):
            observer.changed(dispatcher, search, name, "error")
        dispatcher.observers.remove(observer)
        observer.close(timeout)


class _TrackerObserver:
    """Passes a dispatcher's events to all trackers; see `study.search.dispatcher.Observer`."""

    def __init__(self, trackers: Trackers, layout: Layout, note: Callable[[str], None]) -> None:
        self._study, self._identity = identity_of(layout)
        self._folder = layout.trackers
        self._threads = [
            _TrackerThread(name, _callback_maker(name, trackers, layout, self._study), note)
            for name in trackers.chosen
        ]

    def changed(
        self, dispatcher: TrialDispatcher, search: CellSearch, trial: str, what: str
    ) -> None:
        """Passes on a ``start``, ``report``, ``end`` or ``error`` of a trial."""
        state = search.trials[trial]
        for thread in self._threads:
            tracked_trial = self._tracked_trial(search, trial, thread.name)
            if what == "start":
                thread.call("log_trial_start", tracked_trial)
            elif what == "report":
                epoch = len(state.reports)
                thread.call("log_trial_result", epoch, tracked_trial, _measures(state))
            elif what == "end":
                thread.call("log_trial_end", tracked_trial, state.state == "failed")
            else:
                thread.call("log_trial_interrupted", tracked_trial)

    def close(self, timeout: float) -> None:
        """Waits until every event is logged, at most `timeout` seconds."""
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.finish()
        for thread in self._threads:
            thread.wait(deadline)

    def _tracked_trial(self, search: CellSearch, trial: str, tracker: str) -> TrackedTrial:
        cell, state = search.cell, search.trials[trial]
        fields = {"task": cell.task, "depth": cell.depth, "method": cell.method}
        config = fields | {"seed": search.seed_of(state.number)} | state.settings
        tags = {"study": self._study, "stage": cell.stage, "cell": cell.name, "trial": trial}
        return TrackedTrial(
            # With the settings: a new winner's confirmed seed has the name of an old winner's.
            trial_id=fingerprint([self._identity, cell.key, trial, config]),
            name=f"{cell.name} {trial}",
            experiment_dir_name=f"{self._study} {cell.stage}",
            local_path=str(self._folder / tracker / cell.stage / cell.name / trial),
            config={"stage": cell.stage} | config,
            tags=tags,
            begun=bool(state.reports),
        )


class _TrackerThread:
    """One tracker's callback in its own thread: it may be slow, and it may fail.

    Args:
        name: of the tracker.
        make: makes the callback.
        note: prints a line for the user.
    """

    def __init__(self, name: str, make: Callable[[], Any], note: Callable[[str], None]) -> None:
        self.name, self._note = name, note
        self._calls: SimpleQueue[tuple[str, tuple[Any, ...]] | None] = SimpleQueue()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, args=(make,), daemon=True)
        self._thread.start()

    def call(self, method: str, *arguments: Any) -> None:
        """Queues a call of the callback."""
        if not self._stopped:
            self._calls.put((method, arguments))

    def finish(self) -> None:
        """Has the thread end after the queued calls."""
        self._calls.put(None)

    def wait(self, deadline: float) -> None:
        """Waits for the queued calls, until `deadline` (of `time.monotonic`)."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            self._stop("it takes too long")

    def _run(self, make: Callable[[], Any]) -> None:
        try:
            callback = make()
            callback.setup()
            while (call := self._calls.get()) is not None:
                method, arguments = call
                getattr(callback, method)(*arguments)
            callback.on_experiment_end(trials=[])
        except Exception as error:  # of a package, a server or a disk: the study goes on
            self._stop(reason_of(str(error)))

    def _stop(self, reason: str) -> None:
        """Takes no more calls, and reports the reason once."""
        if not self._stopped:
            self._stopped = True
            text = f"`trackers.{self.name}` does not work: {redacted(reason)}"
            self._note(f"{text}. This stage goes on without it; nothing else is lost")


def _callback_maker(
    name: str, trackers: Trackers, layout: Layout, study: str
) -> Callable[[], Any]:
    """Returns a function that makes a tracker's callback.

    The tracker's thread calls it, because the packages take seconds to import.
    """

    def make() -> Any:
        if name == "wandb":
            from study.tracking.wandb_callback import WeightsAndBiases

            return WeightsAndBiases(trackers.wandb or "", layout.trackers, TIMEOUT_S - 10)
        from study.tracking.ray_callbacks import MLflow, TensorBoard

        if name == "mlflow":
            return MLflow(trackers.mlflow or "", study)
        return TensorBoard(layout.store.publish)

    return make


def _measures(state: TrialRecord) -> dict[str, float]:
    """Returns the last epoch's report, flat, with names that every tracker accepts."""
    report, best = state.reports[-1], state.best
    assert best is not None
    measures = {name: report[name] for name in _MEASURES if name in report}
    for split, metrics in report["metrics"].items():
        where = _mlflow_name(split)
        measures |= {f"{where}/{_mlflow_name(metric)}": value for metric, value in metrics.items()}
    seconds = report["train_seconds"] + report["eval_seconds"]
    # Ray's callbacks read the step under Tune's name for it.
    step = {"training_iteration": report["epoch"]}
    return measures | {"best_score": best["score"], "seconds": seconds} | step


def _mlflow_name(name: str) -> str:
    """Escapes and cuts what MLflow refuses in the name of a metric or split.

    A label in it (f1:C++) may hold anything. A checksum keeps long names apart.
    """
    escaped = re.sub(r"[^\w.\- :]", lambda found: f"_{ord(found[0]):x}_", name)
    if len(escaped) <= _LONGEST_NAME:
        return escaped
    return f"{escaped[: _LONGEST_NAME - 9]}-{zlib.crc32(name.encode()):08x}"
