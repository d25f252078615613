"""Runs a study in its run folder, of which this process becomes the only driver."""

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pkd.errors import InputError
from pkd.runtime.garbage_collection import no_garbage_collection
from pkd.runtime.interruption import handlers_restored
from study.cluster.driver_environment import driver_environment

if TYPE_CHECKING:
    from rich.console import Console

    from study.config.study_config import StudyConfig


@driver_environment()
def run_study(
    config: "StudyConfig",
    out: str | Path | None = None,
    *,
    address: str | None = None,
    dry_run: bool = False,
    console: "Console | None" = None,
    own_process: bool = False,
) -> None:
    """Runs a study to its report, or resumes it; ``pkd-study run`` does the same.

    It may run in any thread. In the main one SIGTERM and Ctrl-C end it cleanly; afterwards the
    process handles them as before. The environment is put back too, except ``RAY_AUTH_TOKEN``:
    Ray keeps the token that it first saw in a process.

    Args:
        config: the study, e.g. from `study.load_study_config`.
        out: the run folder, or a URI; ``runs/<name>`` by default.
        address: of a Ray cluster, ``auto`` or ``host:port``; None starts Ray on this machine.
        dry_run: whether to stop after everything is checked and the plan is printed.
        console: where progress is printed; the terminal by default.
        own_process: whether this process only runs the study's command. If Ray dies, it then runs
            the command anew.

    Raises:
        InputError: if configuration, data or models cannot be used; nothing was trained.
        PkdError: if the study cannot go on, or trials are missing at its end.
    """
    from pkd.tasks.task_file import resolve_tasks
    from study.console import PlainConsole
    from study.storage.driver_lock import only_driver
    from study.storage.layout import Layout
    from study.storage.store import open_store
    from study.tracking.availability import check_trackers

    tasks = resolve_tasks(config.tasks)
    check_trackers(config.trackers)
    store, folder = open_store(str(out or f"runs/{config.name}"))
    layout = Layout(folder, store)
    try:
        layout.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder of --out: {error}") from None
    with only_driver(layout), handlers_restored():
        # These imports take seconds, a quarter of them in the garbage collector. Wrong options
        # are reported before.
        with no_garbage_collection():
            from study.session import run_session
        gc.freeze()  # the collector skips these objects later too: 1/7 of the report's time
        run_session(
            config,
            tasks,
            layout,
            address=address or ("auto" if inside_job() else None),
            dry_run=dry_run,
            console=console or PlainConsole(),
            own_process=own_process,
        )


def inside_job() -> bool:
    """Returns whether ``ray job submit`` started this process: Ray sets a variable for it."""
    return "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ
