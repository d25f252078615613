"""Labels the rows of a file with an exported or saved classifier.

    pkd-study predict MODEL_DIR --input rows.csv --output scored.csv [--text COLUMN [COLUMN]]

The command reads and writes .csv, .tsv, .jsonl and .parquet files of any size. The output has the
columns of the input, then ``prediction`` (a label name) and ``probability`` (the model's
probability of that label). A row without text is kept, with both of these empty. A line that
cannot be read as a row is left out: its number of fields differs from the header's, or it is not
JSON or not UTF-8. Both kinds are reported by number, and the exit code is then 1.
"""

import argparse
import os
import sys
from pathlib import Path

from pkd.errors import InputError
from pkd.runtime.command_line import make_parser, run_command

PROG = "python -m pkd.predict"


def main(argv: list[str] | None = None, prog: str = PROG) -> int:
    """Runs the command. The exit code is also 1 if a row has no prediction."""
    return run_command(parser(prog), _predict, argv)


def _predict(options: argparse.Namespace) -> int:
    _check(options)
    from pkd.deployment.labelling import exported_texts, load_classifier_folder, predict_file

    rows, bad = predict_file(
        load_classifier_folder(options.model_dir),
        options.input,
        options.output,
        options.text or exported_texts(options.model_dir),
        options.batch_size,
        options.precision,
    )
    print(f"{options.output}: {rows:,} rows")
    if any(bad.values()):
        print(
            f"bad rows: {bad['kept']:,} kept without a prediction, {bad['left out']:,} left out",
            file=sys.stderr,
        )
        return 1
    return 0


def _check(options: argparse.Namespace) -> None:
    from pkd.files.row_reader import check_suffix

    check_suffix("--input", options.input)
    check_suffix("--output", options.output)
    if options.batch_size is not None and options.batch_size < 1:
        raise InputError(f"--batch-size is {options.batch_size}, but must be >= 1")
    if options.text is not None and len(options.text) > 2:
        raise InputError(f"--text names {len(options.text)} columns, but must name one or two")
    if not options.output.parent.is_dir():
        raise InputError(
            f"--output is {options.output}, but the folder {options.output.parent} does not exist"
        )
    if options.output.is_dir():
        raise InputError(f"--output is {options.output}, which is a folder")
    if options.output.exists() and options.output.resolve() == options.input.resolve():
        raise InputError(f"--output is {options.output}, which is the input: give another name")


def parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Returns the parser of the command's options."""
    options = make_parser(prog, __doc__)
    options.add_argument(
        "model_dir",
        metavar="MODEL_DIR",
        type=Path,
        help="a classifier, e.g. a folder from pkd.export",
    )
    options.add_argument("--input", type=Path, required=True, help="the file to label")
    options.add_argument("--output", type=Path, required=True, help="the labelled file to write")
    options.add_argument(
        "--text",
        metavar="COLUMN",
        nargs="+",
        help="the text column, or two for a pair; those of the task by default",
    )
    options.add_argument(
        "--batch-size",
        type=int,
        help="rows in a batch; by default as many as hold 4096 tokens, or 65536 on a GPU",
    )
    options.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    return options


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    sys.exit(main())
