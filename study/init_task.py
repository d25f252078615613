"""Guesses a task from a data file and writes its task file, commented for you to check."""

import argparse
import shlex
from pathlib import Path

from pkd.runtime.command_line import make_parser, run_command, tell

PROG = "python -m study.init_task"


def main(argv: list[str] | None = None, prog: str = PROG) -> int:
    """Runs the command; see `pkd.runtime.command_line.run_command`."""
    return run_command(parser(prog), _init_task, argv)


def _init_task(options: argparse.Namespace) -> int:
    for line in written_task(options.task_file, options.data_file, "pkd-study run"):
        tell(line)
    return 0


def written_task(task_file: Path, data: Path, run: str) -> list[str]:
    """Writes a task file.

    Args:
        task_file: a new file ``*.yaml``.
        data: the training file, whose folder may hold other splits, or a folder of data files.
        run: the command that runs a study, and its options.

    Returns:
        What was guessed, line by line, and the command to try next.

    Raises:
        InputError: if the task file exists or cannot be written, or the data cannot be read.
    """
    from pkd.tasks.task_init import init_task

    guessed = init_task(task_file, data)
    command = [*shlex.split(run), "--tasks", str(task_file), "--dry-run"]
    return [*guessed, f"Check the file, then: {shlex.join(command)}"]


def parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Returns the parser of the command's options."""
    options = make_parser(prog, __doc__)
    options.add_argument(
        "task_file", metavar="TASK_FILE", type=Path, help="the new task file, *.yaml"
    )
    options.add_argument(
        "--from",
        dest="data_file",
        metavar="DATA_FILE",
        type=Path,
        required=True,
        help="the training file (.csv, .tsv, .jsonl, .parquet), or a folder with train.csv",
    )
    return options
