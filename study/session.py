"""One session of a study, from its configuration to its report or to an interruption."""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from pkd.distillation.methods import METHODS
from pkd.errors import CacheError, InputError, PkdError
from pkd.files.atomic import explained_full_disk
from pkd.models.encoder import load_encoder_config
from pkd.runtime.interruption import Terminated, ignore_further_interrupts, raise_on_signals
from pkd.runtime.units import duration
from pkd.tasks.task import Task
from study.cluster.local_machine import check_local_share, ray_folder
from study.cluster.process_limits import check_process_limits
from study.cluster.ray_scratch import remove_remains
from study.config.own_methods import own_method_modules
from study.config.study_config import StudyConfig
from study.planning.announcement import announcement
from study.planning.disk import check_disk
from study.planning.inputs import prepare_inputs
from study.planning.plan import make_plan
from study.planning.resume_check import check_same_inputs, check_same_study
from study.planning.study_record import write_study_file
from study.storage.layout import Layout
from study.storage.ledger import Ledger, foreign_note
from study.storage.mirror import Mirror
from study.storage.store import SharedFolder
from study.storage.study_file import study_id
from study.tracking.live_view import View


def run_session(
    config: StudyConfig,
    tasks: Sequence[Task],
    layout: Layout,
    *,
    address: str | None,
    dry_run: bool,
    console: Console,
    own_process: bool,
) -> None:
    """Starts a study, or resumes it, and writes its report.

    Args:
        config: the study.
        tasks: the tasks of the configuration.
        layout: the run folder; this process is its only driver.
        address: of a Ray cluster; None starts Ray on this machine.
        dry_run: whether to stop after everything is checked and the plan is printed.
        console: the user's terminal.
        own_process: see `study.launcher.run_study`.

    Raises:
        PkdError: if the study cannot start or go on, or trials are missing at its end.
    """
    layout.store.fetch(layout.study_file)
    layout.store.fetch(layout.ledger)
    check_same_study(layout, config)
    ledger = Ledger(layout.ledger, layout.store, study_id(layout))
    started = time.monotonic()
    begun = layout.ledger.exists()
    if address is None:
        _prepare_this_machine(config, layout, begun, console)
    inputs = prepare_inputs(config, tasks, layout, console)
    encoder = inputs.encoder
    plan = make_plan(
        config, inputs.tasks, load_encoder_config(encoder), inputs.teachers, inputs.new_heads
    )
    check_same_inputs(layout, plan, encoder)
    check_disk(plan, layout, shutil.disk_usage(layout.out).free)
    console.print(announcement(plan, layout.store.place(layout.out), begun), markup=False)
    if ledger.foreign:
        console.print(f"note: {foreign_note(ledger.foreign, layout.ledger)}", markup=False)
    if dry_run:
        return
    write_study_file(layout, plan, encoder, ledger.study)

    from study.cluster.ray_cluster import check_every_node_sees, start_ray, stop_ray
    from study.cluster.watch.ray_watch import RayDied, RayWatch
    from study.planning.shared_inputs import share_inputs
    from study.stages.context import StudyContext
    from study.stages.pipeline import remaining_work
    from study.stages.results.saved_models import SavedModels
    from study.trials.lazy_trainable import ship_by_value
    from study.tuning.completeness import RayGaveUp, StageIncomplete
    from study.tuning.tuner import run_stages

    ship_by_value(own_method_modules(config.own_methods))
    view = View(console, plan.expected_work())
    watch = RayWatch(address, own_process, lambda: ledger.length, view.note)
    scratch: Path | None = None

    def restart_ray() -> None:
        nonlocal scratch
        if address is None:
            check_process_limits()
        watch.end_for_restart()
        stop_ray(scratch)
        with watch.starting():
            scratch = start_ray(address, layout.out)
        raise_on_signals()  # Ray puts a handler of its own in our place
        watch.begin()

    saved = SavedModels(layout.store, layout.ledger)
    on_this_disk = isinstance(layout.store, SharedFolder)
    try:
        if address is not None:
            restart_ray()
            if on_this_disk:
                check_every_node_sees(layout.out)
        if address is not None or not on_this_disk:
            encoder, plan = share_inputs(layout, plan, encoder)
        context = StudyContext(
            plan=plan,
            encoder=encoder,
            layout=layout,
            ledger=ledger,
            view=view,
            saved=saved,
            restart_ray=restart_ray,
            own_methods={name: METHODS[name] for name in config.own_methods},
        )
        run_stages(remaining_work(context), config.resources, layout)
    except (StageIncomplete, CacheError) as error:
        if isinstance(error, RayGaveUp) and scratch is not None:
            console.print(f"Ray's logs stay in {scratch} until the study is started again")
            scratch = None
        damage = saved.damaged()
        _report(layout, console, damage)
        if more := [line for line in damage if line not in str(error)]:
            raise CacheError("\n".join([str(error), *more])) from error
        raise
    except (KeyboardInterrupt, Terminated, SystemError):
        ignore_further_interrupts()
        raise
    except RayDied:
        raise PkdError(f"{watch.death}: recorded results are kept") from None
    finally:
        stop_ray(scratch, alive=watch.end() or not own_process)
        raise_on_signals()  # Ray's shutdown leaves the system's own, which ends without a word
    damage = saved.damaged()
    _report(layout, console, damage)
    if damage:
        raise CacheError("\n".join(damage))
    console.print(f"complete after {duration(time.monotonic() - started)}", markup=False)


def _prepare_this_machine(
    config: StudyConfig, layout: Layout, begun: bool, console: Console
) -> None:
    """Checks what Ray will need here, and removes what a killed driver of this study left."""
    try:
        folder, note = ray_folder()
    except InputError:
        if begun:  # perhaps nothing is left to do, and Ray does not start
            return
        raise
    if not begun:
        check_process_limits()
        check_local_share(config.resources)
        if note:
            console.print(note, markup=False)
    if remains := remove_remains(folder, layout.out):
        console.print(f"note: removed {remains}, which an earlier session left", markup=False)


def _report(layout: Layout, console: Console, damage: list[str]) -> None:
    """Writes the report of the recorded trials, also for an interrupted study.

    Args:
        layout: the run folder.
        console: the user's terminal.
        damage: what is wrong with saved models; the report lists it.
    """
    from analysis.plots.font_cache import fonts_out_of_home

    if not layout.ledger.exists():
        return
    layout.store.fetch(layout.out / "predictions")
    with fonts_out_of_home(), explained_full_disk(layout.out):
        from analysis.pages import build_report
        from analysis.run_data.runs import load_run
        from analysis.tables.terminal import comparison_text

        path = build_report(layout.out, damage=damage)
    layout.store.publish(layout.report)
    console.print(comparison_text(load_run(layout.out)), markup=False)
    console.print(f"report: {path} and {path.with_name('index.html')}", markup=False)
    if isinstance(layout.store, Mirror):
        console.print(f"to another machine: pkd-study pull '{layout.store.uri}' DIR")
