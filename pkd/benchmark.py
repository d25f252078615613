"""Measures how fast the models of a study predict.

    pkd-study benchmark RUN_DIR [--task T ...] [--threads N] [--precision auto|fp32|bf16|fp16]

The teacher and one student of each depth (time depends on the depth, not on the method) predict
the same batches in turn: rows of 128 tokens as in the paper's Table 4, and the dev rows of each
task at their own lengths, in batches of 1 and of 128 rows. Only the forward pass is timed. The
results are written to ``RUN_DIR/benchmark.json``. ``pkd-study benchmark`` also writes the report
again, with them.
"""

import argparse
import sys

from pkd.errors import InputError
from pkd.evaluation.timing import MIN_REPEATS, Limits
from pkd.runtime.command_line import make_run_parser, run_command, tell, use_threads

PRECISIONS = ("auto", "fp32", "bf16", "fp16")

PROG = "python -m pkd.benchmark"


def main(argv: list[str] | None = None, prog: str = PROG) -> int:
    """Runs the command; see `pkd.runtime.command_line.run_command`."""
    return run_command(parser(prog), _benchmark, argv)


def _benchmark(options: argparse.Namespace) -> int:
    if options.repeats < MIN_REPEATS:
        raise InputError(f"--repeats is {options.repeats}, but must be >= {MIN_REPEATS}")
    if not options.seconds > 0:
        raise InputError(f"--seconds is {options.seconds:g}, but must be > 0")
    use_threads(options.threads)
    from pkd.deployment.latency import benchmark, choose_device
    from pkd.files.atomic import write_json
    from pkd.files.run_format import BENCHMARK_FILE, REPORT
    from pkd.files.run_places import check_run_folder

    written = (BENCHMARK_FILE,) if options.alone else (BENCHMARK_FILE, REPORT)
    check_run_folder(options.run_dir, written)
    measured = benchmark(
        options.run_dir,
        options.task,
        choose_device(options.device),
        options.precision,
        Limits(options.repeats, options.seconds),
    )
    path = options.run_dir / BENCHMARK_FILE
    write_json(path, measured)
    tell(path)
    if options.alone:
        tell(f"`pkd-study report {options.run_dir}` adds it to the report")
    return 0


def parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Returns the parser of the command's options."""
    options = make_run_parser(prog, __doc__)
    options.set_defaults(alone=prog == PROG)  # `pkd-study benchmark` refreshes the report itself
    options.add_argument("--task", action="append", help="a task of the study; all by default")
    options.add_argument(
        "--device", choices=("cpu", "cuda"), help="by default the GPU, if there is one"
    )
    options.add_argument("--precision", choices=PRECISIONS, default="auto")
    options.add_argument(
        "--repeats",
        type=int,
        default=Limits.repeats,
        help="the largest number of timed calls of each model",
    )
    options.add_argument(
        "--seconds",
        type=float,
        default=Limits.seconds,
        help="time limit for the slowest model with each kind of batch (at least "
        f"{MIN_REPEATS} calls are made)",
    )
    return options


if __name__ == "__main__":
    sys.exit(main())
