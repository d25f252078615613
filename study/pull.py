"""Copies a study from its URI to a local folder, e.g. from s3://bucket/run to runs/run.

It copies the ledger, predictions, models and the report, but no caches and no checkpoints.
"""

import argparse
import sys
from pathlib import Path

from pkd.runtime.command_line import make_parser, run_command, tell

PROG = "python -m study.pull"


def main(argv: list[str] | None = None, prog: str = PROG) -> int:
    """Runs the command; see `pkd.runtime.command_line.run_command`."""
    return run_command(parser(prog), _pull, argv)


def _pull(options: argparse.Namespace) -> int:
    from study.storage.study_copy import pull

    count = pull(options.uri, options.folder)
    tell(f"{count} files in {options.folder}; now: pkd-study report {options.folder}")
    return 0


def parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Returns the parser of the command's options."""
    options = make_parser(prog, __doc__)
    options.add_argument("uri", metavar="URI", help="the study's --out")
    options.add_argument("folder", metavar="FOLDER", type=Path, help="local folder to copy it to")
    return options


if __name__ == "__main__":
    sys.exit(main())
