"""The command line: python study/run.py --tasks glue [--config FILE] [--data DIR] [--model DIR]

Fine-tunes teachers, caches their signals, searches each cell, trains the winners again on fresh
seeds, predicts, and writes the report. The same command resumes a study that was interrupted.
"""

import argparse
import os
import shlex
import shutil
import signal
import sys
import time
from pathlib import Path

from rich.console import Console

from pkd.errors import HubUnreachable, InputError, PkdError
from pkd.files import check_arguments, explained_full_disk
from pkd.models import fetch_model, load_classifier
from pkd.models import load_config as load_encoder
from pkd.prepare import Prepared, prepare_task
from pkd.tasks import Task, resolve_tasks
from study.address import check_address
from study.config import StudyConfig
from study.config_file import load_config
from study.driver import only_driver
from study.layout import Layout
from study.plan import Plan, check_depths, check_disk, gigabytes, make_plan
from study.record import check_same_inputs, check_same_study, encoder_name, write_study_file
from study.view import View, duration

_CONFIGS = Path(__file__).resolve().parent.parent / "configs"
COMPLETE, INCOMPLETE, WRONG_USAGE, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143


class _Terminated(BaseException):
    """SIGTERM: the machine is wanted back."""


def main(argv: list[str] | None = None) -> int:
    """Runs a study.

    Returns:
        0 when it is complete, 1 when something is missing or failed, 2 for wrong usage,
        configuration or data (nothing was trained), 130 after Ctrl-C, 143 after SIGTERM.
    """
    _heed_sigterm()
    arguments = sys.argv[1:] if argv is None else argv
    options = _parser().parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        check_arguments(arguments)
        return _study(options, console)
    except HubUnreachable as error:
        errors.print(
            f"error: {error}\nTo look at the whole study without the hub: "
            "python study/run.py --config configs/demo.yaml",
            markup=False,
        )
        return WRONG_USAGE
    except InputError as error:
        errors.print(f"error: {error}", markup=False)
        return WRONG_USAGE
    except PkdError as error:
        errors.print(f"error: {error}\nTo go on: {_command()}", markup=False)
        return INCOMPLETE
    except (KeyboardInterrupt, _Terminated) as stop:
        errors.print(
            f"interrupted: what was recorded is safe. To go on: {_command()}",
            markup=False,
        )
        return TERMINATED if isinstance(stop, _Terminated) else INTERRUPTED


def _heed_sigterm() -> None:
    def stop(signum: int, frame: object) -> None:
        raise _Terminated

    signal.signal(signal.SIGTERM, stop)


def _study(options: argparse.Namespace, console: Console) -> int:
    config = _config(options)
    if options.address is not None:
        check_address(options.address)
    layout = Layout(_resolved(options.out or Path("runs") / config.name))
    try:
        layout.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder of --out: {error}") from None
    with only_driver(layout.out):
        return _locked(options, config, layout, console)


def _locked(
    options: argparse.Namespace, config: StudyConfig, layout: Layout, console: Console
) -> int:
    check_same_study(layout, config)
    started = time.monotonic()
    encoder, tasks = _prepare(config, layout, console)
    plan = make_plan(config, tasks, load_encoder(encoder))
    check_same_inputs(layout, plan, encoder)
    check_disk(plan, layout.out, shutil.disk_usage(layout.out).free)
    _show(plan, layout, console)
    if options.dry_run:
        return COMPLETE
    write_study_file(layout, plan, encoder)

    from study.cluster import start_ray, stop_ray, trial_resources
    from study.stages import Stages
    from study.tuner import StageIncomplete

    def restart_ray() -> None:
        stop_ray()
        try:
            start_ray(options.address)
        except (ConnectionError, ValueError) as error:  # e.g. `auto` where no cluster runs
            raise InputError(f"cannot start Ray (--address {options.address}): {error}") from error
        _heed_sigterm()  # Ray puts a handler of its own in our place

    view = View(console, plan.stage_work())
    try:
        restart_ray()
        resources = trial_resources(config.resources)
        Stages(plan, encoder, layout, resources, view, restart_ray).run()
    except StageIncomplete:
        _report(layout, console)
        raise
    finally:
        stop_ray()
    _report(layout, console)
    console.print(f"complete after {duration(time.monotonic() - started)}", markup=False)
    return COMPLETE


def _config(options: argparse.Namespace) -> StudyConfig:
    path: Path = options.config or _CONFIGS / "glue.yaml"
    return load_config(
        path,
        options.set,
        tasks=options.tasks.split(",") if options.tasks is not None else None,
        data__dir=str(_resolved(options.data)) if options.data else None,
        teacher__model=_absolute(options.model),
    )


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # e.g. a loop of symbolic links
        raise InputError(f"{path} cannot be followed: {error}") from None


def _absolute(model: str | None) -> str | None:
    """A folder's absolute path, so that the study can go on from anywhere; a hub id as it is."""
    return str(Path(model).resolve()) if model and os.path.isdir(model) else model


def _command() -> str:
    return shlex.join(["python", *sys.argv])


def _prepare(
    config: StudyConfig, layout: Layout, console: Console
) -> tuple[Path, dict[str, Prepared]]:
    """Gets and checks everything that needs the network or the user's files."""
    tasks = resolve_tasks(config.tasks)
    _check_caps(config, tasks)
    data, model = config.data.dir, config.teacher.model
    if config.data.generated:
        from study.generated import write_generated

        data, encoder = write_generated(layout.out / "generated", config.seed)
        model = str(encoder)
        console.print(
            "The data are GENERATED by a small grammar: these numbers say nothing about GLUE.",
            style="bold yellow",
        )
    folder = fetch_model(model)
    check_depths(config, load_encoder(folder))
    load_classifier(folder, tasks[0].labels)  # as every trial does: broken weights are told now
    prepared = {}
    for task in tasks:
        console.print(f"preparing {task.name}", markup=False)
        prepared[task.name] = prepare_task(
            task,
            folder,
            layout.tokens,
            data,
            config.train.max_length,
            config.data.cap("max_train_rows", task.name),
            config.data.cap("max_dev_rows", task.name),
        )
    return folder, prepared


def _check_caps(config: StudyConfig, tasks: list[Task]) -> None:
    names = [task.name for task in tasks]
    for key in ("max_train_rows", "max_dev_rows"):
        caps = getattr(config.data, key)
        unknown = set(caps) - set(names) if isinstance(caps, dict) else set()
        if unknown:
            raise InputError(
                f"`data.{key}` names {sorted(unknown)[0]!r}, which is no task of this study: "
                + ", ".join(names)
            )


def _show(plan: Plan, layout: Layout, console: Console) -> None:
    config = plan.config
    rows = ", ".join(f"{n} {p.rows[p.task.train]:,}" for n, p in plan.tasks.items())
    counts = {method: plan.trials(method) for method in config.methods}
    same = len(set(counts.values())) == 1
    per_cell = (
        f"{next(iter(counts.values()))} per cell"
        if same
        else "per cell: " + ", ".join(f"{method} {count}" for method, count in counts.items())
    )
    search = sum(plan.trials(method) for _, _, method in plan.cells)
    confirm = config.confirm.seeds * len(plan.cells)
    teachers = config.teacher.trials * len(plan.tasks)
    console.print(
        f"study {config.name} in {layout.out}\n"
        f"  training rows: {rows}\n"
        f"  teacher: {encoder_name(config)}, {plan.teacher_layers} layers, {teachers} trials\n"
        f"  students: {len(plan.cells)} cells (tasks × layers {', '.join(map(str, config.depths))}"
        f" × {', '.join(config.methods)})\n"
        f"  search: {search} trials by {config.search.algorithm} ({per_cell}), "
        f"confirm: {confirm} trials\n"
        f"  about {duration(plan.seconds())} of this machine's computing, at most "
        f"{gigabytes(plan.disk_bytes())} of disk",
        markup=False,
    )


def _report(layout: Layout, console: Console) -> None:
    """Writes the report of what there is; a study that was cut short has one too."""
    from analysis.report import build_report, comparison_text
    from analysis.runs import load_run

    if not layout.ledger.exists():
        return
    with explained_full_disk(layout.out):
        path = build_report(layout.out)
    console.print(comparison_text(load_run(layout.out)), markup=False)
    console.print(f"report: {path} and {path.with_name('index.html')}", markup=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python study/run.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit codes: 0 complete, 1 incomplete or failed, 2 wrong usage, 130 interrupted, "
        "143 terminated",
    )
    parser.add_argument("--tasks", help="glue, GLUE tasks, task files (*.yaml); commas between")
    parser.add_argument("--config", type=Path, help="YAML file; default: configs/glue.yaml")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="change keys"
    )
    parser.add_argument("--data", type=Path, help="<task>/<split>.parquet; default: the hub")
    parser.add_argument("--model", help="folder or hub id of the pre-trained encoder")
    parser.add_argument("--out", type=Path, help="results; default: runs/<name>")
    parser.add_argument("--address", help="a Ray cluster to join: auto, ray://… or host:port")
    parser.add_argument("--dry-run", action="store_true", help="show the plan and stop")
    return parser
