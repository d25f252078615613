"""Running a stage until it is done, also if Ray gives up or trials are interrupted."""

from collections.abc import Callable

from ray.exceptions import RayError
from ray.tune.error import TuneError

from pkd.files.atomic import check_space
from study.cluster.ray_errors import OUT_OF_MEMORY, reason_of
from study.config.sections import OFF, Trackers
from study.search.dispatcher import TrialDispatcher
from study.storage.layout import Layout
from study.tracking.trial_tracker import tracked
from study.tuning.completeness import RayGaveUp
from study.tuning.stage_queue import Stage, StageGenerator

# How often Tune is started again without a single new record in between.
_RETRIES = 2
_MORE_MEMORY = "Free memory there, or run fewer trials at once (`resources.max_concurrent`)"


def run_until_done(
    stage: Stage,
    layout: Layout,
    restart_ray: Callable[[], None],
    note: Callable[[str], None],
    trackers: Trackers = OFF,
) -> StageGenerator[None]:
    """Yields a stage to `study.tuning.tuner.run_stages` until it is done or retries are used up.

    When Ray kills a trial because the machine's memory runs out, Tune gives up. The dispatcher
    then continues from the record, with one trial less at once. Interrupted trials, e.g. those
    of a lost node, are handed out again when the others are done.

    Args:
        stage: the stage.
        layout: where the study's files are.
        restart_ray: called before Tune starts again; frees what aborted trials still hold.
        note: prints a line for the user.
        trackers: the trackers that follow the trials.

    Yields:
        The stage. The generator is resumed when nothing is left to hand out and no trial runs, or
        with the error that ended Tune.

    Raises:
        PkdError: if the ledger cannot be written or the disk is full.
        RayGaveUp: if Ray gives up again and again while nothing is recorded.
    """
    dispatcher, failures = stage.dispatcher, 0
    while True:
        recorded = dispatcher.ledger.length
        ended_by: Exception | None = None
        try:
            # New ones each time: trackers may hold processes of the Ray that gave up.
            with tracked(dispatcher, trackers, layout, note):
                yield stage
        except (RayError, TuneError, RuntimeError) as error:
            ended_by = error
        failures = 1 if dispatcher.ledger.length > recorded else failures + 1
        if ended_by is not None:
            _prepare_retry(dispatcher, layout, ended_by, failures, note)
            restart_ray()
        elif dispatcher.interrupted and failures <= _RETRIES:
            check_space(layout.out)  # on a full disk every trial is interrupted
            note(f"{len(dispatcher.interrupted)} trial(s) were interrupted and are tried again")
            dispatcher.retry()
        else:
            return


def _prepare_retry(
    dispatcher: TrialDispatcher,
    layout: Layout,
    error: Exception,
    failures: int,
    note: Callable[[str], None],
) -> None:
    """Prepares a dispatcher for another run of Tune after one that gave up, or raises."""
    if dispatcher.ledger.failure is not None:
        raise dispatcher.ledger.failure from None
    # Ray writes to this disk too, and its own errors do not name a full one.
    check_space(layout.out)
    reason = reason_of(str(error))
    memory = reason.startswith(OUT_OF_MEMORY)
    if failures > _RETRIES:
        raise RayGaveUp(
            f"Ray gave up stage {dispatcher.stage} {failures} times with nothing recorded in "
            f"between: {reason}" + (f". {_MORE_MEMORY}" if memory else "")
        ) from error
    at_once = dispatcher.retry(fewer=memory)
    limit = "" if at_once is None else f" with at most {at_once} trial(s) at once"
    note(f"Ray gave up ({reason}); going on{limit}")
