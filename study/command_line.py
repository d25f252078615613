"""The command line: python study/run.py --tasks glue [--config FILE] [--data DIR] [--model DIR]

Fine-tunes teachers, caches their signals, searches each cell, trains the winners again on fresh
seeds, predicts, and writes the report. The same command resumes a study that was interrupted.
"""

import argparse
import gc
import os
import shlex
import sys
from pathlib import Path

from rich.console import Console

from pkd.errors import HubUnreachable, InputError, PkdError
from pkd.runtime.garbage_collection import no_garbage_collection
from pkd.runtime.validation import check_arguments
from pkd.tasks.task_file import resolve_tasks
from pkd.tasks.task_template import init_task
from study.cluster.address import check_address
from study.config.config_file import load_study_config
from study.config.study_config import StudyConfig
from study.interruption import Terminated, ignore_further_interrupts, raise_on_sigterm
from study.storage.driver_lock import only_driver
from study.storage.layout import Layout
from study.storage.store import is_uri, open_store, resolved
from study.tracking.availability import check_trackers

_CONFIGS = Path(__file__).resolve().parent.parent / "configs"
COMPLETE, INCOMPLETE, WRONG_USAGE, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143


def main(argv: list[str] | None = None) -> int:
    """Runs a study.

    Returns:
        0 when it is complete, 1 when something is missing or failed, 2 for wrong usage,
        configuration or data (nothing was trained), 130 after Ctrl-C, 143 after SIGTERM.
    """
    raise_on_sigterm()
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
    except (KeyboardInterrupt, Terminated, SystemError) as error:
        # Python turns a signal that comes while Ray's compiled code runs into a SystemError.
        stop = error.__cause__ if isinstance(error, SystemError) else error
        if not isinstance(stop, (KeyboardInterrupt, Terminated)):
            raise
        ignore_further_interrupts()
        errors.print(
            f"interrupted: what was recorded is safe. To go on: {_command()}",
            markup=False,
        )
        return TERMINATED if isinstance(stop, Terminated) else INTERRUPTED


def _study(options: argparse.Namespace, console: Console) -> int:
    if options.init_task is not None:
        return _init_task(options, console)
    config = _config(options)
    if options.address is not None:
        check_address(options.address)
    _check_out(options)
    if options.address and options.address.startswith("ray://"):
        from study.cluster.remote_driver import run_on_cluster

        return run_on_cluster(
            options.address,
            config,
            options.out,
            options.dry_run,
            lambda line: console.print(line, end="", markup=False),
        )
    tasks = resolve_tasks(config.tasks)
    check_trackers(config.trackers)
    store, out = open_store(options.out or f"runs/{config.name}")
    layout = Layout(out, store)
    try:
        layout.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder of --out: {error}") from None
    address = options.address or ("auto" if _inside_job() else None)
    with only_driver(layout):
        # Seconds of imports, which --help and a slip of the command line need not wait for. A
        # quarter of them would go into looking through what they make.
        with no_garbage_collection():
            from study.session import run_study
        gc.freeze()  # nor is it looked through later: a seventh of the report's time
        run_study(config, tasks, layout, address, options.dry_run, console)
    return COMPLETE


def _init_task(options: argparse.Namespace, console: Console) -> int:
    if not options.tasks or "," in options.tasks:
        raise InputError("--init-task needs the task file to write: --tasks my_task.yaml")
    console.print(init_task(_path(options.tasks), options.init_task), markup=False)
    command = ["python", "study/run.py", "--tasks", options.tasks, "--dry-run"]
    console.print(f"Check the file, then: {shlex.join(command)}", markup=False)
    return COMPLETE


def _inside_job() -> bool:
    """Whether ``ray job submit`` started this process: Ray says so in its environment."""
    return "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ


def _check_out(options: argparse.Namespace) -> None:
    """On a cluster the working directory is a copy that goes away."""
    on_cluster = _inside_job() or (options.address or "").startswith("ray://")
    out = options.out or ""
    if on_cluster and not (is_uri(out) or Path(out).is_absolute()):
        raise InputError(
            f"--out is {repr(out) if out else 'missing'}: on a cluster it must be a folder's "
            "absolute path that every node sees, or a URI such as s3://bucket/folder, because the "
            "folder that the command runs in goes away"
        )


def _config(options: argparse.Namespace) -> StudyConfig:
    path: Path = options.config or _CONFIGS / "glue.yaml"
    return load_study_config(
        path,
        options.set,
        tasks=options.tasks.split(",") if options.tasks is not None else None,
        data__dir=str(resolved(options.data)) if options.data else None,
        teacher__model=_absolute(options.model),
    )


def _path(text: str) -> Path:
    """A path of the command line. No shell expands the ~ of ``--out=~/runs`` or one in quotes."""
    return Path(os.path.expanduser(text))


def _absolute(model: str | None) -> str | None:
    """A folder's absolute path, so that the study can go on from anywhere; a hub id as it is."""
    return str(resolved(_path(model))) if model and os.path.isdir(_path(model)) else model


def _command() -> str:
    return shlex.join(["python", *sys.argv])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python study/run.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit codes: 0 complete, 1 incomplete or failed, 2 wrong usage, 130 interrupted, "
        "143 terminated",
    )
    parser.add_argument(
        "--tasks",
        help="glue, GLUE tasks, task files (*.yaml), folders with train.csv; commas between",
    )
    parser.add_argument(
        "--init-task",
        type=_path,
        metavar="FILE",
        help="guess a task from a data file (or a folder), write the task file of --tasks, stop",
    )
    parser.add_argument("--config", type=_path, help="YAML file; default: configs/glue.yaml")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="change keys"
    )
    parser.add_argument("--data", type=_path, help="<task>/<split>.parquet; default: the hub")
    parser.add_argument("--model", help="folder or hub id of the pre-trained encoder")
    parser.add_argument(
        "--out", help="results: a folder, or a URI (s3://…, gs://…); default: runs/<name>"
    )
    parser.add_argument("--address", help="a Ray cluster: auto, host:port or ray://host:port")
    parser.add_argument("--dry-run", action="store_true", help="show the plan and stop")
    return parser
