"""Write zips for the GLUE server, one for each row of a study's comparison.

The rows are the teacher, and each method at each depth. The predictions of a row are those of its
best confirm seed, or of the teacher. The server refuses a zip without all of its eleven files, so
tasks that the study does not have are filled with a constant, and the command lists every filled
file. A row without predictions of one of the study's own tasks is skipped, with the reason, unless
--fill-missing fills those tasks too. Exit codes: 0 wrote at least one zip, 2 wrote none.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pkd.errors import InputError
from pkd.files.run_places import check_folder_place
from pkd.runtime.command_line import make_parser, run_command, say, tell

if TYPE_CHECKING:
    import pandas as pd

    from analysis.run_data.runs import Run

PROG = "python -m analysis.submission"


def parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Returns the options of the command."""
    options = make_parser(prog, __doc__)
    options.add_argument(
        "run_dir", metavar="RUN_DIR", type=Path, help="the folder of a study (its --out)"
    )
    options.add_argument("--to", metavar="DIR", type=Path, help="default: RUN_DIR/submission")
    options.add_argument(
        "--fill-missing",
        action="store_true",
        help="also fill tasks of the study that have no usable test predictions",
    )
    return options


def main(argv: list[str] | None = None, prog: str = PROG) -> int:
    """Runs the command and returns its exit code."""
    return run_command(parser(prog), _submit, argv)


def _submit(options: argparse.Namespace) -> int:
    import pandas as pd

    from analysis.exchange.glue_zip import other_tasks
    from analysis.rendering import write_csv
    from analysis.results.comparison import models
    from analysis.run_data.runs import load_run

    run = load_run(options.run_dir)
    if others := other_tasks(run):
        tell(f"not for the server: {', '.join(others)}\n")
    folder = options.to or run.path / "submission"
    check_folder_place(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}") from None
    rows = [
        _write_row(run, depth, method, folder, options.fill_missing)
        for depth, method in models(run)
    ]
    written = [row for row in rows if row is not None]
    if not written:
        raise InputError(
            f"no zip was written: every row of {run.path} lacks test predictions (see above)"
        )
    table = pd.concat(written)
    write_csv(table, folder / "contents.csv")
    _warn_of_filled(table)
    return 0


def _write_row(
    run: "Run", depth: int, method: str, folder: Path, fill_missing: bool
) -> "pd.DataFrame | None":
    """Writes the zip of one model and returns its contents; None if it is skipped."""
    import pandas as pd

    from analysis.exchange.glue_zip import collect, contents, contents_text, lacking, write_zip
    from analysis.labels import method_label

    parts = collect(run, depth, method)
    row, missing = f"{depth} layers, {method_label(method)}", lacking(run, parts)
    predicted = any(part.trial for part in parts)
    if not predicted or (missing and not fill_missing):
        reasons = "\n".join(f"  {part.file.name}: {part.reason}" for part in missing)
        lacks = "lacks predictions (--fill-missing)" if predicted else "has no predictions"
        tell(f"skipped: {row}, {lacks}\n{reasons}\n")
        return None
    path = folder / f"{depth}-{method}.zip"
    write_zip(path, parts)
    table = contents(parts)
    tell(f"{path}: {row}\n{contents_text(table)}\n")
    model = pd.DataFrame({"zip": path.name, "depth": depth, "method": method}, table.index)
    return model.join(table)


def _warn_of_filled(written: "pd.DataFrame") -> None:
    names = ", ".join(written.loc[written["source"] == "filled", "file"].unique())
    say(
        f"WARNING: filled with constants, not predicted: {names}.\n"
        "The server requires all eleven files. Its scores for the filled files, and its average "
        "over all tasks, say nothing about the models: do not report them."
    )


if __name__ == "__main__":
    sys.exit(main())
