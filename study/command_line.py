"""Runs a study, or resumes it: --tasks glue [--config FILE] [--data DIR] [--model DIR]

It fine-tunes teachers, caches their signals, searches every cell, trains the winners again on
fresh seeds, predicts, and writes the report. The same command resumes an interrupted study.
"""

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pkd.errors import HubUnreachable, InputError
from pkd.runtime.command_line import CommandParser, run_command
from pkd.runtime.exit_codes import COMPLETE, EXPLAINED, WRONG_USAGE
from pkd.runtime.interruption import stopped_by
from study.installation import how_to_continue
from study.launcher import inside_job, run_study

if TYPE_CHECKING:
    from rich.console import Console

    from study.config.study_config import StudyConfig

PROG = "python study/run.py"


def main(argv: list[str] | None = None, prog: str = PROG) -> int:
    """Runs a study.

    Args:
        argv: the arguments; those of the process by default.
        prog: the name of the command in help and messages.

    Returns:
        0 when it is complete, 1 when something is missing or failed, 2 for wrong usage,
        configuration or data (nothing was trained), 130 after Ctrl-C, 143 after SIGTERM. Without
        arguments it prints the help and returns 2.
    """
    arguments = sys.argv[1:] if argv is None else argv
    options = parser(prog)

    def work(given: argparse.Namespace) -> int:
        if not arguments:
            options.print_help(sys.stderr)
            return WRONG_USAGE
        return _study(given, prog)

    return run_command(options, work, arguments, lambda error: _hint(error, prog))


def _hint(error: BaseException, prog: str) -> str:
    """Returns how to go on after an error or a signal."""
    if isinstance(error, HubUnreachable):
        return f"\nTo try a whole study without the hub: {prog} --config demo"
    if isinstance(error, InputError):
        return ""
    again = how_to_continue()
    if stopped_by(error) is not None:
        return f": recorded results are kept. {again}"
    return f"\n{again}"


def _study(options: argparse.Namespace, prog: str) -> int:
    from study.cluster.address import check_address
    from study.console import PlainConsole

    console = PlainConsole()
    if options.init_task is not None:
        return _init_task(options, console, prog)
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
    run_study(
        config,
        options.out,
        address=options.address,
        dry_run=options.dry_run,
        console=console,
        own_process=True,
    )
    return COMPLETE


def _init_task(options: argparse.Namespace, console: "Console", prog: str) -> int:
    from study.init_task import written_task

    if not options.tasks or "," in options.tasks:
        raise InputError("--init-task needs the task file to write: --tasks my_task.yaml")
    given = {"--config": options.config, "--data": options.data, "--model": options.model}
    run = [*prog.split(), *(str(x) for pair in given.items() if pair[1] for x in pair)]
    for line in written_task(_path(options.tasks), options.init_task, shlex.join(run)):
        console.print(line, markup=False)
    return COMPLETE


def _check_out(options: argparse.Namespace) -> None:
    """Refuses a relative ``--out`` on a cluster, where the working directory is temporary."""
    from study.storage.store import is_uri

    on_cluster = inside_job() or (options.address or "").startswith("ray://")
    out = options.out or ""
    if on_cluster and not (is_uri(out) or Path(out).is_absolute()):
        raise InputError(
            f"--out is {repr(out) if out else 'missing'}: on a cluster it must be a folder's "
            "absolute path that every node sees, or a URI such as s3://bucket/folder, because the "
            "folder that the command runs in is deleted afterwards"
        )


def _config(options: argparse.Namespace) -> "StudyConfig":
    from study.config.config_file import load_study_config
    from study.storage.store import resolved

    return load_study_config(
        options.config if options.config is not None else "glue",
        options.set,
        tasks=_names(options.tasks),
        data__dir=str(resolved(options.data)) if options.data else None,
        teacher__model=_absolute(options.model),
    )


def _names(tasks: str | None) -> list[str] | None:
    return None if tasks is None else [name.strip() for name in tasks.split(",")]


def _path(text: str) -> Path:
    """Returns a path with ``~`` expanded: no shell does it in ``--out=~/runs`` or in quotes."""
    return Path(os.path.expanduser(text))


def _absolute(model: str | None) -> str | None:
    """Returns a folder's absolute path, so that the study resumes from anywhere, or a hub id."""
    from study.storage.store import resolved

    return str(resolved(_path(model))) if model and os.path.isdir(_path(model)) else model


def parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Returns the parser of the command's options."""
    options = CommandParser(
        prog=prog,
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXPLAINED,
    )
    options.add_argument(
        "--tasks",
        help="glue, GLUE tasks, task files (*.yaml), folders with train.csv; commas between",
    )
    options.add_argument(
        "--init-task",
        type=_path,
        metavar="FILE",
        help="guess a task from a data file (or a folder), write the task file of --tasks, stop",
    )
    options.add_argument(
        "--config",
        type=_path,
        help="YAML file, or the name of a shipped one; default: glue",
    )
    options.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="change keys"
    )
    options.add_argument(
        "--data", type=_path, help="folder with <task>/<split>.parquet; default: the hub"
    )
    options.add_argument("--model", help="folder or hub id of the pre-trained encoder")
    options.add_argument(
        "--out", help="results: a folder, or a URI (s3://…, gs://…); default: runs/<name>"
    )
    options.add_argument("--address", help="a Ray cluster: auto, host:port or ray://host:port")
    options.add_argument("--dry-run", action="store_true", help="print the plan and stop")
    return options
