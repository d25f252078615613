"""Labels the rows of a file with an exported or saved classifier.

    pkd-study predict MODEL_DIR --input rows.csv --output scored.csv [--text COLUMN [COLUMN]]
        [--form pytorch|onnx|int8]

The command reads and writes .csv, .tsv, .jsonl and .parquet files of any size. The output has the
columns of the input, then ``prediction`` (a label name) and ``probability`` (the model's
probability of that label). A row with a missing text (null, empty or blank) is kept, with both of
these empty. A line that cannot be read as a row is left out: its number of fields differs from the
header's, or it is not JSON or not UTF-8. Both kinds are reported by number, and the exit code is
then 1. ``--form`` runs an ONNX file of ``pkd-study export`` instead of the PyTorch weights.
"""

import argparse
import os
import sys
from pathlib import Path

from pkd.errors import InputError
from pkd.runtime.command_line import make_parser, run_command, say, tell

PROG = "python -m pkd.predict"


def main(argv: list[str] | None = None, prog: str = PROG) -> int:
    """Runs the command. The exit code is also 1 if a row has no prediction."""
    return run_command(parser(prog), _predict, argv)


def _predict(options: argparse.Namespace) -> int:
    _check(options)
    from pkd.deployment.labelling import predict_file
    from pkd.deployment.text_classifier import load_classifier_folder, text_columns_of

    rows, bad = predict_file(
        load_classifier_folder(options.model_dir, options.form),
        options.input,
        options.output,
        text_columns_of(options.model_dir, options.text),
        options.batch_size,
        options.precision,
        options.quoting,
    )
    tell(f"{options.output}: {rows:,} rows")
    if any(bad.values()):
        say(f"bad rows: {bad['kept']:,} kept without a prediction, {bad['left out']:,} left out")
        return 1
    return 0


def _check(options: argparse.Namespace) -> None:
    from pkd.files.row_parsers import check_suffix
    from pkd.files.run_places import check_file_place
    from pkd.files.text_file import check_regular

    check_suffix(f"--input is {options.input}", options.input)
    check_suffix(f"--output is {options.output}", options.output)
    check_regular(options.input)
    if options.batch_size is not None and options.batch_size < 1:
        raise InputError(f"--batch-size is {options.batch_size}, but must be >= 1")
    if options.form != "pytorch" and options.precision != "fp32":
        raise InputError(
            f"--precision is {options.precision}, but --form {options.form} computes in the "
            "precision of its file: leave --precision out"
        )
    if options.text is not None and len(options.text) > 2:
        raise InputError(f"--text names {len(options.text)} columns, but must name one or two")
    if not options.output.parent.is_dir():
        raise InputError(
            f"--output is {options.output}, but the folder {options.output.parent} does not exist"
        )
    check_file_place(options.output)
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
        "--quoting",
        choices=("double", "none"),
        default="double",
        help="of a CSV or TSV input: fields may stand in double quotes, or quotes are ordinary "
        "characters, as in GLUE's own files",
    )
    options.add_argument(
        "--batch-size",
        type=int,
        help="rows in a batch; by default as many as hold 4096 tokens, or 65536 on a GPU",
    )
    options.add_argument(
        "--form",
        choices=("pytorch", "onnx", "int8"),
        default="pytorch",
        help="which of the forms in MODEL_DIR to run: the PyTorch weights, onnx/model.onnx or "
        "onnx/model_int8.onnx, the last two on the CPU",
    )
    options.add_argument(
        "--precision", choices=("fp32", "bf16"), default="fp32", help="of the PyTorch form"
    )
    return options


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    sys.exit(main())
