"""Exports a student of a study as a folder to deploy.

    pkd-study export RUN_DIR --task T [--student METHOD-DEPTH] --to DIR [--onnx] [--int8]

The folder holds weights and tokenizer for transformers' ``from_pretrained`` and ``pipeline``, a
model card (README.md) and ``export.json``. ``--onnx`` adds ``onnx/model.onnx``, ``--int8`` also
``onnx/model_int8.onnx``. Both are compared with PyTorch on the first dev split: a file past
``--max-changed`` or ``--max-drop`` is refused, nothing is exported, and the exit code is 1. The
command measures size, dev score and latency of all forms and of the teacher on the CPU.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from pkd.errors import InputError
from pkd.evaluation.timing import MIN_REPEATS, Limits
from pkd.runtime.command_line import make_run_parser, run_command, tell, use_threads

PROG = "python -m pkd.export"


def main(argv: list[str] | None = None, prog: str = PROG) -> int:
    """Runs the command; see `pkd.runtime.command_line.run_command`."""
    return run_command(parser(prog), _export, argv)


def _export(options: argparse.Namespace) -> int:
    if not options.seconds > 0:
        raise InputError(f"--seconds is {options.seconds:g}, but must be > 0")
    use_threads(options.threads)
    from pkd.deployment.bundle import export
    from pkd.deployment.cost_tables import cost_table, slower_than_pytorch

    exported = export(
        options.run_dir,
        options.task,
        options.to,
        options.student,
        options.onnx,
        options.int8,
        Limits(seconds=options.seconds),
        options.max_changed,
        options.max_drop,
    )
    if forms := exported["forms"]:
        tell(f"{cost_table(forms)}\n{exported['conditions']}")
        for sentence in slower_than_pytorch(forms):
            tell(sentence)
    if exported["difference"] is not None:
        _print_agreement(exported, forms)
    tell(f"{options.to} holds {exported['student']} of {exported['task']}; {_scores(exported)}")
    return 0


def _print_agreement(exported: dict[str, Any], forms: list[dict[str, Any]]) -> None:
    from pkd.deployment.cost_tables import class_table

    changed = {form["form"]: form["changed"] for form in forms if form["model"] != "teacher"}
    if any(changed.values()):
        tell(f"recall / F1 of each label, percent:\n{class_table(forms)}")
    other = f"another label for {changed['ONNX']} of" if changed["ONNX"] else "the same labels on"
    tell(
        f"ONNX and PyTorch predict {other} {exported['rows']:,} dev rows; the largest difference "
        f"of a logit is {exported['difference']:.2g}"
    )


def _scores(exported: dict[str, Any]) -> str:
    held_out = exported["held_out_score"]
    return f"dev {100 * exported['dev_score']:.1f}, held-out " + (
        "not scored" if held_out is None else f"{100 * held_out:.1f}"
    )


def parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Returns the parser of the command's options."""
    options = make_run_parser(prog, __doc__)
    options.add_argument("--task", required=True, help="a task of the study")
    options.add_argument(
        "--student",
        metavar="METHOD-DEPTH",
        help="e.g. pkd-skip-3; by default the student with the best mean dev score, and of equal "
        "ones the best held-out score",
    )
    options.add_argument("--to", metavar="DIR", type=Path, required=True, help="a new folder")
    options.add_argument("--onnx", action="store_true", help="also write onnx/model.onnx")
    options.add_argument(
        "--int8", action="store_true", help="also write onnx/model_int8.onnx; implies --onnx"
    )
    options.add_argument(
        "--max-changed",
        metavar="SHARE",
        type=float,
        help="share of the dev rows, e.g. 0.02, for which an ONNX file may predict another label "
        "than PyTorch (one row always may, unless it is 0); by default 0, and 0.01 for int8",
    )
    options.add_argument(
        "--max-drop",
        metavar="POINTS",
        type=float,
        help="points by which the score of an ONNX file, or its recall of a label, may be below "
        "PyTorch's; 2 by default",
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
