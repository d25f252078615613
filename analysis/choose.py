"""Choose a student of a task: the best one within limits on latency, score or size.

The choice is among the students whose confirm seeds are complete, that satisfy the limits and that
do not predict a single class. With a limit on latency or parameters, or with no limit, the best
mean dev score is taken; with --max-drop alone, the cheapest student (latency if the run folder has
a benchmark.json, else parameters). Equal dev scores, as printed: the higher held-out score, then
the smaller student. Exit codes: 0 chosen, 1 no student fits, 2 wrong input.
"""

import argparse
import math
import sys
from pathlib import Path

from pkd.runtime.command_line import make_parser, run_command, say, tell
from pkd.shown_text import one_line

PROG = "python -m analysis.choose"


def parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Returns the options of the command."""
    options = make_parser(prog, __doc__)
    options.add_argument(
        "run_dir", metavar="RUN_DIR", type=Path, help="the folder of a study (its --out)"
    )
    options.add_argument("--task", required=True, help="a task of the study")
    options.add_argument(
        "--max-latency-ms", metavar="MS", type=_limit, help="milliseconds for one row at a time"
    )
    options.add_argument(
        "--max-drop", metavar="POINTS", type=_limit, help="points below the teacher's dev score"
    )
    options.add_argument(
        "--max-parameters",
        metavar="N",
        type=_limit,
        help="parameters without the classifier, e.g. 70e6",
    )
    return options


def main(argv: list[str] | None = None, prog: str = PROG) -> int:
    """Runs the command and returns its exit code."""
    return run_command(parser(prog), _choose, argv)


def _limit(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number >= 0")
    return value


def _choose(options: argparse.Namespace) -> int:
    from analysis.results.choice import Limits
    from analysis.run_data.runs import load_run
    from analysis.tables.choice import answer

    limits = Limits(options.max_latency_ms, options.max_drop, options.max_parameters)
    run = load_run(options.run_dir)
    text, found = answer(run, options.task, limits)
    for problem in run.problems:
        say(f"warning: {one_line(problem)}")
    tell(text)
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
