"""Every trial in tidy tables for other tools: ``trials`` and ``epochs``, as Parquet and CSV.

``trials`` has one row per trial, ``epochs`` one per trial and epoch; stage, task, depth, method
and trial join them. docs/report.md explains the columns.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from analysis.rendering import write_csv
from analysis.run_data.runs import Run

_COUNTS = ("depth", "seed", "epochs", "epochs_planned", "best_epoch", "epoch", "samples", "seq")
_TIMES = ("started", "time")
_TEXTS = ("stage", "task", "method", "trial", "state", "error", "device", "decision")
_NESTED = ("train_curve",)


def write_trials(run: Run, folder: Path) -> None:
    """Writes ``{trials,epochs}.{parquet,csv}`` into `folder`, whatever the study's state.

    The learning curve within an epoch (``train_curve``) is a list column of the Parquet file; the
    CSV file leaves it out, because CSV has no lists.
    """
    for name, table in (("trials", trials(run)), ("epochs", epochs(run))):
        table.to_parquet(folder / f"{name}.parquet", index=False)
        flat = table.drop(columns=list(_NESTED), errors="ignore")
        write_csv(flat, folder / f"{name}.csv")


def trials(run: Run) -> pd.DataFrame:
    """Returns one row per trial of the stages that train, see `tidy`."""
    return tidy(run.trials, run)


def epochs(run: Run) -> pd.DataFrame:
    """Returns one row per trial and epoch, see `tidy`."""
    return tidy(run.reports, run)


def tidy(frame: pd.DataFrame, run: Run) -> pd.DataFrame:
    """Returns `run.trials` or `run.reports` with one type per column, the study's name first.

    Counts are nullable integers, times UTC timestamps, switches nullable booleans. A column
    without a common type holds JSON texts.
    """
    table = frame.copy()
    for name in table.columns:
        if name in _COUNTS:
            table[name] = _as_integers(table[name])
        elif name in _TIMES:
            seconds = pd.to_numeric(table[name], errors="coerce").astype(float)
            table[name] = pd.to_datetime(seconds, unit="s", utc=True).dt.round("ms")
        elif name in _TEXTS:
            table[name] = table[name].astype("string")
        elif table[name].dtype == object:
            table[name] = _with_one_type(table[name])
    table.insert(0, "study", str(run.study["name"]))
    return table.astype({"study": "string"})


def _as_integers(column: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    return numbers.astype("Int64") if (numbers.dropna() % 1 == 0).all() else numbers


def _with_one_type(column: pd.Series) -> pd.Series:
    present = column.dropna()
    if not len(present):
        return column.astype(float)
    if all(isinstance(value, bool) for value in present):
        return column.astype("boolean")
    try:
        pa.array(present)
    except pa.ArrowException:
        return column.map(_json, na_action="ignore").astype("string")
    return column.infer_objects()


def _json(value: Any) -> str:
    return json.dumps(value, default=str)
