"""The searches of a run in an Optuna storage, a database."""

from collections import Counter
from pathlib import Path

import optuna
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from analysis.run_data.runs import load_run
from analysis.search_history.optuna_studies import CellStudy, cell_studies
from pkd.errors import InputError


class StorageError(InputError):
    """The studies cannot be written to a storage; the text says why and what to do."""


def export_searches(run_dir: Path, url: str, replace: bool = False) -> list[CellStudy]:
    """Writes one Optuna study per cell.

    Args:
        run_dir: The folder of a study (its ``--out``).
        url: The database as an SQLAlchemy URL, for example ``sqlite:///study.db``.
        replace: Whether to delete studies of the same names first.

    Returns:
        What was written.

    Raises:
        RunError: The folder holds no run that this version can read.
        StorageError: No trial has started, the storage cannot be opened or written, or it already
            holds studies of these names.
    """
    run = load_run(run_dir)
    cells = list(cell_studies(run))
    if not cells:
        raise StorageError(f"{run_dir} holds no trial of a search yet: nothing to export")
    storage = _open(url)
    held = set(optuna.get_all_study_names(storage)) & {cell.name for cell in cells}
    if held and not replace:
        raise StorageError(
            f"{without_password(url)} already holds {len(held)} of these studies, for example "
            f"{min(held)}: give another --to, or replace them with --replace"
        )
    try:
        for cell in cells:
            if cell.name in held:
                optuna.delete_study(study_name=cell.name, storage=storage)
            cell.write(storage)
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise StorageError(f"cannot write {without_password(url)}: {_reason(error)}") from error
    return cells


def without_password(url: str) -> str:
    """Returns the URL of a database with its password masked."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return repr(url)


def state_counts(cells: list[CellStudy]) -> str:
    """Returns how many trials are in each state, for example ``3 COMPLETE, 1 PRUNED``."""
    states = Counter(trial.state.name for cell in cells for trial in cell.trials)
    return ", ".join(f"{count} {state}" for state, count in states.most_common())


def _open(url: str) -> optuna.storages.RDBStorage:
    try:
        return optuna.storages.RDBStorage(url)
    # A malformed URL raises SQLAlchemy's error, a missing driver ImportError, and the tables of
    # another version of Optuna RuntimeError.
    except (SQLAlchemyError, ValueError, ImportError, RuntimeError) as error:
        raise StorageError(
            f"cannot open {without_password(url)}: {_reason(error)}. Give the URL of a database, "
            "for example sqlite:///study.db"
        ) from error


def _reason(error: Exception) -> str:
    """The first line of the innermost error: Optuna wraps those of the database."""
    return str(error.__cause__ or error).strip().partition("\n")[0].rstrip(".")
