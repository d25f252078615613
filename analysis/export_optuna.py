"""Write a run's searches into an Optuna storage, for optuna-dashboard and Optuna's own plots.

    python -m analysis.export_optuna RUN_DIR --to sqlite:///study.db
    optuna-dashboard sqlite:///study.db

One study per search cell and per teacher, named ``<run>/<stage>/<task>-<depth>-<method>``. An
export is a copy: the study itself never reads it.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import optuna
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from analysis.run_data.runs import RunError, load_run
from analysis.search_history.optuna_studies import CellStudy, cell_studies

_MANY = 20  # of a long list of studies, so many are named


class ExportError(ValueError):
    """The studies cannot be written there; the text says why and what to do."""


def export(run_dir: Path, url: str, replace: bool = False) -> list[CellStudy]:
    """Write one Optuna study per cell.

    Args:
        run_dir: The directory that ``study/run.py`` wrote.
        url: Of a database, as SQLAlchemy has them, for example ``sqlite:///study.db``.
        replace: Whether to delete studies of the same names first.

    Returns:
        What was written.

    Raises:
        RunError: The directory holds no run that this version can read.
        ExportError: No trial has started, the storage cannot be opened or written, or it already
            holds studies of these names.
    """
    run = load_run(run_dir)
    cells = list(cell_studies(run))
    if not cells:
        raise ExportError(f"{run_dir} holds no trial of a search yet: nothing to export")
    storage = _open(url)
    held = set(optuna.get_all_study_names(storage)) & {cell.name for cell in cells}
    if held and not replace:
        raise ExportError(
            f"{_shown(url)} already holds {len(held)} of these studies, for example "
            f"{min(held)}: give another --to, or --replace to write them anew"
        )
    try:
        for cell in cells:
            if cell.name in held:
                optuna.delete_study(study_name=cell.name, storage=storage)
            cell.write(storage)
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise ExportError(f"cannot write {_shown(url)}: {_reason(error)}") from error
    return cells


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status: 0, or 2 if nothing could be written."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.export_optuna",
        description="Write a study's searches into an Optuna storage, one study per cell.",
    )
    parser.add_argument("run_dir", metavar="RUN_DIR", type=Path, help="what study/run.py wrote")
    parser.add_argument(
        "--to", metavar="URL", required=True, help="a database, e.g. sqlite:///study.db"
    )
    parser.add_argument(
        "--replace", action="store_true", help="delete studies of the same names there first"
    )
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        cells = export(options.run_dir, options.to, options.replace)
    except (RunError, ExportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for cell in cells[:_MANY]:
        print(f"{cell.name}: {_counts([cell])}")
    if len(cells) > _MANY:
        print(f"and {len(cells) - _MANY} more")
    print(f"{len(cells)} studies in {_shown(options.to)}: {_counts(cells)}")
    return 0


def _open(url: str) -> optuna.storages.RDBStorage:
    try:
        return optuna.storages.RDBStorage(url)
    # What is wrong with a URL shows as SQLAlchemy's error, a missing driver as ImportError, and
    # the tables of another version of Optuna as RuntimeError.
    except (SQLAlchemyError, ValueError, ImportError, RuntimeError) as error:
        raise ExportError(
            f"cannot open {_shown(url)}: {_reason(error)}. Give the URL of a database, for "
            "example sqlite:///study.db"
        ) from error


def _reason(error: Exception) -> str:
    """The innermost error's first line: Optuna wraps those of the database."""
    return str(error.__cause__ or error).strip().partition("\n")[0].rstrip(".")


def _shown(url: str) -> str:
    """The URL without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return repr(url)


def _counts(cells: list[CellStudy]) -> str:
    states = Counter(trial.state.name for cell in cells for trial in cell.trials)
    return ", ".join(f"{count} {state}" for state, count in states.most_common())


if __name__ == "__main__":
    sys.exit(main())
