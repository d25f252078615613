"""One session of a study, from its configuration to its report or to an interruption."""

import shutil
import time
from collections.abc import Sequence

from rich.console import Console

from pkd.distillation.methods import METHODS
from pkd.files.atomic import explained_full_disk
from pkd.models.encoder import load_encoder_config
from pkd.runtime.interruption import Terminated, ignore_further_interrupts, raise_on_sigterm
from pkd.runtime.units import duration
from pkd.tasks.task import Task
from study.cluster.local_machine import check_local_share, ray_folder
from study.config.own_methods import own_method_modules
from study.config.study_config import StudyConfig
from study.planning.announcement import announcement
from study.planning.inputs import prepare_inputs
from study.planning.plan import check_disk, make_plan
from study.planning.resume_check import check_same_inputs, check_same_study
from study.planning.study_record import write_study_file
from study.storage.layout import Layout
from study.storage.mirror import Mirror
from study.storage.store import SharedFolder
from study.tracking.live_view import View


def run_session(
    config: StudyConfig,
    tasks: Sequence[Task],
    layout: Layout,
    *,
    address: str | None,
    dry_run: bool,
    console: Console,
) -> None:
    """Starts a study, or resumes it, and writes its report.

    Args:
        config: the study.
        tasks: the tasks of the configuration.
        layout: the run folder; this process is its only driver.
        address: of a Ray cluster; None starts Ray on this machine.
        dry_run: whether to stop after everything is checked and the plan is printed.
        console: the user's terminal.

    Raises:
        PkdError: if the study cannot start or go on, or trials are missing at its end.
    """
    layout.store.fetch(layout.study_file)
    layout.store.fetch(layout.ledger)
    check_same_study(layout, config)
    started = time.monotonic()
    begun = layout.ledger.exists()
    if address is None and not begun:  # later sessions start Ray soon enough
        check_local_share(config.resources)
        if note := ray_folder().note:
            console.print(note, markup=False)
    inputs = prepare_inputs(config, tasks, layout, console)
    encoder = inputs.encoder
    plan = make_plan(
        config, inputs.tasks, load_encoder_config(encoder), inputs.teachers, inputs.new_heads
    )
    check_same_inputs(layout, plan, encoder)
    check_disk(plan, layout.out, shutil.disk_usage(layout.out).free)
    console.print(announcement(plan, layout.store.place(layout.out), begun), markup=False)
    if dry_run:
        return
    write_study_file(layout, plan, encoder)

    from study.cluster.ray_cluster import check_every_node_sees, start_ray, stop_ray
    from study.planning.shared_inputs import share_inputs
    from study.stages.context import StudyContext
    from study.stages.pipeline import remaining_work
    from study.storage.ledger import Ledger
    from study.trials.lazy_trainable import ship_by_value
    from study.tuning.completeness import StageIncomplete
    from study.tuning.tuner import run_stages

    def restart_ray() -> None:
        stop_ray()
        start_ray(address)
        raise_on_sigterm()  # Ray puts a handler of its own in our place

    ship_by_value(own_method_modules(config.own_methods))
    view = View(console, plan.expected_work())
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
            ledger=Ledger(layout.ledger, layout.store),
            view=view,
            restart_ray=restart_ray,
            own_methods={name: METHODS[name] for name in config.own_methods},
        )
        run_stages(remaining_work(context), config.resources, layout)
    except StageIncomplete:
        _report(layout, console)
        raise
    except (KeyboardInterrupt, Terminated, SystemError):
        ignore_further_interrupts()
        raise
    finally:
        stop_ray()
        raise_on_sigterm()  # Ray's shutdown leaves the system's own, which ends without a word
    _report(layout, console)
    console.print(f"complete after {duration(time.monotonic() - started)}", markup=False)


def _report(layout: Layout, console: Console) -> None:
    """Writes the report of the recorded trials, also for an interrupted study."""
    from analysis.plots.font_cache import keep_fonts_out_of_home

    keep_fonts_out_of_home()
    from analysis.pages import build_report
    from analysis.run_data.runs import load_run
    from analysis.tables.terminal import comparison_text

    if not layout.ledger.exists():
        return
    layout.store.fetch(layout.out / "predictions")
    with explained_full_disk(layout.out):
        path = build_report(layout.out)
    layout.store.publish(layout.report)
    console.print(comparison_text(load_run(layout.out)), markup=False)
    console.print(f"report: {path} and {path.with_name('index.html')}", markup=False)
    if isinstance(layout.store, Mirror):
        console.print(f"to another machine: pkd-study pull '{layout.store.uri}' DIR")
