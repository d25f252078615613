"""Working the stages of a study off on Ray Tune."""

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from ray import tune
from ray.exceptions import RayError
from ray.tune.error import TuneError

from pkd.errors import PkdError
from pkd.files.atomic import check_space
from study.cluster.ray_cluster import autoscaled, trial_resources, trials_at_once
from study.cluster.ray_errors import OUT_OF_MEMORY, reason_of
from study.config.sections import OFF, Resources, Trackers
from study.search.dispatcher import TrialDispatcher
from study.storage.layout import Layout
from study.tracking.trial_tracker import tracked
from study.trials.lazy_trainable import LazyTrainable
from study.tuning.stage_queue import Stage, StageQueue, StageWork
from study.tuning.tune_adapters import BrokenTrials, StudyScheduler, StudySearcher

# A trial that fails is started again so often within one run of Tune, and Tune so often in a row
# without a single new record.
_RETRIES = 2
_MORE_MEMORY = "Free memory there, or run fewer trials at once (`resources.max_concurrent`)"
# Tune gives a waiting trial to the first process that is free and drops the one that was starting
# for it. With one trial waiting (its default for a search) the number of processes would stop
# growing as soon as trials end more often than a process starts; so one waits for each so many.
_RUNNING_PER_WAITING = 4


class StageIncomplete(PkdError):
    """A stage ended with trials missing; the same command tries them again."""


def run_until_done(
    stage: Stage,
    layout: Layout,
    restart_ray: Callable[[], None],
    note: Callable[[str], None],
    trackers: Trackers = OFF,
) -> StageWork[None]:
    """Gives a stage to `run_stages` until all its work is done or there is no hope for the rest.

    When Ray kills a trial because the machine's memory runs out, Tune gives up. The dispatcher
    goes on from what is recorded then, with one trial less at once. Trials that broke off, e.g.
    with their node, are handed out again when the others are done.

    Args:
        stage: the work.
        layout: where the study's files are.
        restart_ray: called before Tune starts again; frees what aborted trials still hold.
        note: tells a person.
        trackers: who else is told of the trials.

    Yields:
        The stage. To be resumed when nothing is left to hand out and no trial runs, or with the
        error by which Tune gave up.

    Raises:
        PkdError: if the ledger cannot be written or the disk is full.
        StageIncomplete: if Ray gives up again and again while nothing is recorded.
    """
    dispatcher, failures = stage.dispatcher, 0
    while True:
        recorded = dispatcher.ledger.length
        gave_up: Exception | None = None
        try:
            # Anew each time: trackers may hold processes of the Ray that gave up.
            with tracked(dispatcher, trackers, layout, note):
                yield stage
        except (RayError, TuneError, RuntimeError) as error:
            gave_up = error
        failures = 1 if dispatcher.ledger.length > recorded else failures + 1
        if gave_up is not None:
            _go_on(dispatcher, layout, gave_up, failures, note)
            restart_ray()
        elif dispatcher.broken and failures <= _RETRIES:
            check_space(layout.out)  # on a full disk every trial breaks off
            note(f"{len(dispatcher.broken)} trial(s) broke off and are tried again")
            dispatcher.retry()
        else:
            return


def _go_on(
    dispatcher: TrialDispatcher,
    layout: Layout,
    error: Exception,
    failures: int,
    note: Callable[[str], None],
) -> None:
    """Prepares a dispatcher for another run of Tune after one that gave up, or raises."""
    if dispatcher.ledger.failure is not None:
        raise dispatcher.ledger.failure from None
    # Ray writes there too, and fails in ways of its own.
    check_space(layout.out)
    reason = reason_of(str(error))
    memory = reason.startswith(OUT_OF_MEMORY)
    if failures > _RETRIES:
        raise StageIncomplete(
            f"Ray gave up stage {dispatcher.stage} {failures} times with nothing recorded in "
            f"between: {reason}" + (f". {_MORE_MEMORY}" if memory else "")
        ) from error
    at_once = dispatcher.retry(fewer=memory)
    limit = "" if at_once is None else f" with at most {at_once} trial(s) at once"
    note(f"Ray gave up ({reason}); going on{limit}")


def run_stages(stages: StageWork[None], resources: Resources, layout: Layout) -> None:
    """Hands the work of all stages to Ray Tune, one stage after another, and waits for it.

    Args:
        stages: see `study.tuning.stage_queue.StageQueue`.
        resources: the configuration of what a trial asks Ray for.
        layout: where logs and Tune's scratch go.

    Raises:
        InputError: if no node could ever give it.
        Exception: what ``stages`` raises.
    """
    queue = StageQueue(stages, layout)
    asked: dict[str, float] | None = None
    while not queue.over:
        try:
            # Once: a cluster that has just lost its nodes gets others, and Ray waits for them.
            asked = asked or trial_resources(resources)
            _fit(queue, asked, layout)
        except BaseException as error:  # Ctrl-C too: the stage lets go of what it holds
            queue.tell(error)
        queue.check()


def _fit(queue: StageQueue, resources: Mapping[str, float], layout: Layout) -> None:
    at_once = trials_at_once(resources)
    waiting = max(1, at_once // _RUNNING_PER_WAITING)
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(waiting)
    # Tune's own account of a failed trial would run through the view; ours is in its log.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    tune.Tuner(
        tune.with_resources(LazyTrainable, dict(resources)),
        tune_config=tune.TuneConfig(
            search_alg=StudySearcher(queue),
            # An idle process would keep its node, which somebody pays for.
            scheduler=StudyScheduler(queue, keep=0 if autoscaled() else at_once),
            num_samples=-1,
            reuse_actors=True,
            trial_name_creator=_trial_name,
            trial_dirname_creator=_trial_name,
        ),
        run_config=tune.RunConfig(
            name="trials",
            storage_path=str(layout.ray.resolve()),
            callbacks=[BrokenTrials(queue)],
            # Trials keep their own checkpoints, which outlive Tune's scratch.
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=_RETRIES),
            verbose=0,
        ),
    ).fit()


def check_complete(dispatcher: TrialDispatcher, layout: Layout) -> None:
    """Refuses to go on from a stage in which a trial is missing or a cell has no winner.

    Raises:
        StageIncomplete: naming the cells and the trials.
    """
    lines = [
        f"{search.cell.name} {name}: {error}"
        for (search, name), error in dispatcher.broken.items()
    ]
    for search in dispatcher.searches.values():
        if search.done and len(found := search.best) < search.keep:
            told = f"only {len(found)} of {search.keep} trials" if found else "every trial failed"
            if found:
                told += " that are needed ended with a result"
            lines.append(f"{search.cell.name}: {told}, see the ledger's end events")
        elif not search.done and not any(broken is search for broken, _ in dispatcher.broken):
            lines.append(f"{search.cell.name}: {search.useful} of {search.wanted} trials")
    if lines:
        raise StageIncomplete(
            f"stage {dispatcher.stage} is incomplete (logs: {layout.logs / dispatcher.stage}):\n  "
            + "\n  ".join(lines)
        )


def _trial_name(trial: Any) -> str:
    return "-".join(trial.config[part] for part in ("stage", "cell", "trial"))
