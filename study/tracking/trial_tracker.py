"""Telling trackers of a stage's trials: each by a thread of its own, at no cost to the study.

Tune's own trials and results are packed (`study.trials.lazy_trainable`), and an epoch may come
twice. So Ray's callbacks hear from the dispatcher, which knows settings, metrics and what was
recorded before.
"""

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

from rich.markup import escape

from pkd.files.cache import fingerprint
from pkd.runtime.redaction import redacted
from study.cluster.ray_errors import reason_of
from study.config.sections import Trackers
from study.search.cell_search import CellSearch, TrialRecord
from study.search.dispatcher import TrialDispatcher
from study.storage.layout import Layout
from study.storage.study_file import identity_of
from study.tracking.tracked_trial import TrackedTrial

_STAGES = ("teachers", "search", "confirm")
# How long a finished stage, and one that Ctrl-C ends, waits for trackers to take everything.
_PATIENCE_S, _HURRY_S = 60, 10
_MEASURES = ("score", "train_loss", "train_accuracy", "dev_loss")


@contextlib.contextmanager
def tracked(
    dispatcher: TrialDispatcher, trackers: Trackers, layout: Layout, note: Callable[[str], None]
) -> Iterator[None]:
    """Tells the chosen trackers what happens on a dispatcher while the block runs.

    A tracker that fails is named once and left out; the next stage tries it again.

    Args:
        dispatcher: the stage's work.
        trackers: the configuration.
        layout: where files go; its ``study.yaml`` names the study.
        note: tells a person.
    """
    if not trackers.chosen or dispatcher.stage not in _STAGES:
        yield
        return
    observer = _TrackedBoard(trackers, layout, note)
    dispatcher.observers.append(observer)
    patience = _PATIENCE_S
    try:
        yield
    except BaseException as error:
        patience = _PATIENCE_S if isinstance(error, Exception) else _HURRY_S
        raise
    finally:
        for search, name in list(dispatcher.running):
            observer.changed(dispatcher, search, name, "error")
        dispatcher.observers.remove(observer)
        observer.close(patience)


class _TrackedBoard:
    """Follows a dispatcher; see `study.search.dispatcher.Observer`."""

    def __init__(self, trackers: Trackers, layout: Layout, note: Callable[[str], None]) -> None:
        self._study, self._identity = identity_of(layout)
        self._folder = layout.trackers
        self._tellers = [
            _Teller(name, _maker(name, trackers, layout, self._study), note)
            for name in trackers.chosen
        ]

    def changed(
        self, dispatcher: TrialDispatcher, search: CellSearch, trial: str, what: str
    ) -> None:
        """Passes a ``start``, ``report``, ``end`` or ``error`` of a trial on."""
        state = search.trials[trial]
        for teller in self._tellers:
            told = self._trial(search, trial, teller.name)
            if what == "start":
                teller.tell("log_trial_start", told)
            elif what == "report":
                epoch = len(state.reports)
                teller.tell("log_trial_result", epoch, told, _measures(state))
            elif what == "end":
                teller.tell("log_trial_end", told, state.state == "failed")
            else:
                teller.tell("log_trial_interrupted", told)

    def close(self, patience: float) -> None:
        """Waits until all is told, so many seconds at most."""
        deadline = time.monotonic() + patience
        for teller in self._tellers:
            teller.end()
        for teller in self._tellers:
            teller.wait(deadline)

    def _trial(self, search: CellSearch, trial: str, tracker: str) -> TrackedTrial:
        cell, state = search.cell, search.trials[trial]
        what = {"task": cell.task, "depth": cell.depth, "method": cell.method}
        config = what | {"seed": search.seed_of(state.number)} | state.settings
        tags = {"study": self._study, "stage": cell.stage, "cell": cell.name, "trial": trial}
        return TrackedTrial(
            # With its settings: a confirmed seed of a new winner has an old one's name.
            trial_id=fingerprint([self._identity, cell.key, trial, config]),
            name=f"{cell.name} {trial}",
            experiment_dir_name=f"{self._study} {cell.stage}",
            local_path=str(self._folder / tracker / cell.stage / cell.name / trial),
            config={"stage": cell.stage} | config,
            tags=tags,
            begun=bool(state.reports),
        )


class _Teller:
    """One tracker in a thread of its own: it may be slow, and it may fail."""

    def __init__(self, name: str, make: Callable[[], Any], note: Callable[[str], None]) -> None:
        self.name, self._note = name, note
        self._calls: SimpleQueue[tuple[str, tuple[Any, ...]] | None] = SimpleQueue()
        self._given_up = False
        self._thread = threading.Thread(target=self._work, args=(make,), daemon=True)
        self._thread.start()

    def tell(self, method: str, *arguments: Any) -> None:
        """Leaves a call of the callback to the thread."""
        if not self._given_up:
            self._calls.put((method, arguments))

    def end(self) -> None:
        """Says that no call follows."""
        self._calls.put(None)

    def wait(self, deadline: float) -> None:
        """Waits until all is told."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            self._give_up("it takes too long")

    def _work(self, make: Callable[[], Any]) -> None:
        try:
            callback = make()
            callback.setup()
            while (call := self._calls.get()) is not None:
                method, arguments = call
                getattr(callback, method)(*arguments)
            callback.on_experiment_end(trials=[])
        except Exception as error:  # packages, servers and disks of others: none costs the study
            self._give_up(reason_of(str(error)))

    def _give_up(self, reason: str) -> None:
        """Tells a person, once."""
        if not self._given_up:
            self._given_up = True
            text = f"`trackers.{self.name}` does not work: {redacted(reason)}"
            self._note(escape(f"{text}. This stage goes on without it; nothing else is lost"))


def _maker(name: str, trackers: Trackers, layout: Layout, study: str) -> Callable[[], Any]:
    """What makes a tracker's callback, in its thread: the packages take seconds to import."""

    def make() -> Any:
        if name == "wandb":
            from study.tracking.wandb_callback import WeightsAndBiases

            return WeightsAndBiases(trackers.wandb or "", layout.trackers, _PATIENCE_S - 10)
        from study.tracking.ray_callbacks import MLflow, TensorBoard

        if name == "mlflow":
            return MLflow(trackers.mlflow or "", study)
        return TensorBoard(layout.store.publish)

    return make


def _measures(state: TrialRecord) -> dict[str, float]:
    """The last epoch's report, flat, under names that every tracker takes."""
    report, best = state.reports[-1], state.best
    assert best is not None
    measures = {name: report[name] for name in _MEASURES if name in report}
    for split, metrics in report["metrics"].items():
        measures |= {f"{split}/{_plain(metric)}": value for metric, value in metrics.items()}
    seconds = report["train_seconds"] + report["eval_seconds"]
    # Ray's callbacks read the step from Tune's name for it.
    step = {"training_iteration": report["epoch"]}
    return measures | {"best_score": best["score"], "seconds": seconds} | step


def _plain(metric: str) -> str:
    """A metric's name for MLflow: a label in it (f1:C++) may hold any character."""
    return re.sub(r"[^\w.\- :]", lambda found: f"_{ord(found[0]):x}_", metric)
