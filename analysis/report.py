"""Build the report of a study from its files: finished, running, interrupted or failed.

Writes RUN_DIR/report/: index.html (one file, images inside), report.md, tables/*.md|csv|tex and
plots/*.png|svg|csv. Exit codes: 0 written, 2 not a run folder or no trial yet.
"""

import argparse
import sys
from pathlib import Path

from pkd.errors import InputError
from pkd.files.run_format import REPORT
from pkd.files.run_places import check_run_folder
from pkd.runtime.command_line import make_parser, run_command, tell

PROG = "python -m analysis.report"


def parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Returns the options of the command."""
    options = make_parser(prog, __doc__)
    options.add_argument(
        "run_dir", metavar="RUN_DIR", type=Path, help="the folder of a study (its --out)"
    )
    options.add_argument(
        "--beside",
        metavar="RUN_DIR",
        type=Path,
        nargs="+",
        default=[],
        help="studies with another teacher or student start, to compare this one with",
    )
    return options


def main(argv: list[str] | None = None, prog: str = PROG) -> int:
    """Runs the command and returns its exit code."""
    return run_command(parser(prog), _report, argv)


def _report(options: argparse.Namespace) -> int:
    from analysis.plots.font_cache import fonts_out_of_home

    with fonts_out_of_home():
        from analysis.pages import write_report
        from analysis.run_data.runs import load_run
        from analysis.tables.terminal import comparison_text

        run, *others = [load_run(path) for path in (options.run_dir, *options.beside)]
        check_run_folder(run.path, (REPORT,))
        path = write_report(run, others)
    tell(comparison_text(run))
    tell(f"\nreport: {path.with_name('index.html')}\n        {path}")
    if run.trials.empty:
        raise InputError(f"{run.path} holds no trial yet; the report shows the plan only")
    return 0


if __name__ == "__main__":
    sys.exit(main())
