"""Write the searches of a study into an Optuna storage, for optuna-dashboard and Optuna's plots.

    pkd-study optuna RUN_DIR --to sqlite:///study.db
    optuna-dashboard sqlite:///study.db

Each search cell and each teacher becomes one Optuna study, RUN/STAGE/TASK-DEPTH-METHOD. The
storage is a copy: this project never reads it. Exit codes: 0 written, 2 nothing could be written.
"""

import argparse
import sys
from pathlib import Path

from pkd.runtime.command_line import make_parser, run_command, tell

_MAX_NAMES = 20  # studies that are printed one by one

PROG = "python -m analysis.export_optuna"


def parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Returns the options of the command."""
    options = make_parser(prog, __doc__)
    options.add_argument(
        "run_dir", metavar="RUN_DIR", type=Path, help="the folder of a study (its --out)"
    )
    options.add_argument(
        "--to", metavar="URL", required=True, help="a database, e.g. sqlite:///study.db"
    )
    options.add_argument(
        "--replace", action="store_true", help="delete studies of the same names there first"
    )
    return options


def main(argv: list[str] | None = None, prog: str = PROG) -> int:
    """Runs the command and returns its exit code."""
    return run_command(parser(prog), _export, argv)


def _export(options: argparse.Namespace) -> int:
    import optuna

    from analysis.search_history.optuna_storage import (
        export_searches,
        state_counts,
        without_password,
    )

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    cells = export_searches(options.run_dir, options.to, options.replace)
    for cell in cells[:_MAX_NAMES]:
        tell(f"{cell.name}: {state_counts([cell])}")
    if len(cells) > _MAX_NAMES:
        tell(f"and {len(cells) - _MAX_NAMES} more")
    tell(f"{len(cells)} studies in {without_password(options.to)}: {state_counts(cells)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
