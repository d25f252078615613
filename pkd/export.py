"""Exports a student of a study as a folder to deploy.

    pkd-study export RUN_DIR --task T [--student METHOD-DEPTH] --to DIR [--onnx] [--int8]

The folder holds weights and tokenizer for transformers' ``from_pretrained`` and ``pipeline``, a
model card (README.md) and ``export.json``. ``--onnx`` adds ``onnx/model.onnx``, which must
predict the same labels as PyTorch on every row of the first dev split; ``--int8`` also adds
``onnx/model_int8.onnx``. The command measures size, dev score and latency of all forms and of the
teacher on the CPU.
"""

import argparse
import sys
from pathlib import Path

from pkd.errors import InputError
from pkd.evaluation.timing import MIN_REPEATS, Limits
from pkd.runtime.command_line import make_run_parser, run_command, use_threads

PROG = "python -m pkd.export"


def main(argv: list[str] | None = None, prog: str = PROG) -> int:
    """Runs the command; see `pkd.runtime.command_line.run_command`."""
    return run_command(parser(prog), _export, argv)


def _export(options: argparse.Namespace) -> int:
    if not options.seconds > 0:
        raise InputError(f"--seconds is {options.seconds:g}, but must be > 0")
    use_threads(options.threads)
    from pkd.deployment.bundle import export
    from pkd.deployment.model_card import cost_table

    exported = export(
        options.run_dir,
        options.task,
        options.to,
        options.student,
        options.onnx,
        options.int8,
        Limits(seconds=options.seconds),
    )
    if exported["forms"]:
        print(f"{cost_table(exported['forms'])}\n{exported['conditions']}")
    if exported["difference"] is not None:
        print(
            f"ONNX and PyTorch predict the same labels on {exported['rows']:,} dev rows; the "
            f"largest difference of a logit is {exported['difference']:.2g}"
        )
    print(f"{options.to} holds {exported['student']} of {exported['task']}")
    return 0


def parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Returns the parser of the command's options."""
    options = make_run_parser(prog, __doc__)
    options.add_argument("--task", required=True, help="a task of the study")
    options.add_argument(
        "--student",
        metavar="METHOD-DEPTH",
        help="e.g. pkd-skip-3; the student with the best mean score by default",
    )
    options.add_argument("--to", metavar="DIR", type=Path, required=True, help="a new folder")
    options.add_argument("--onnx", action="store_true", help="also write onnx/model.onnx")
    options.add_argument(
        "--int8", action="store_true", help="also write onnx/model_int8.onnx; implies --onnx"
    )
    options.add_argument(
        "--seconds",
        type=float,
        default=Limits.seconds,
        help="time limit for the slowest form at each batch size (at least "
        f"{MIN_REPEATS} passes are made)",
    )
    return options


if __name__ == "__main__":
    sys.exit(main())
