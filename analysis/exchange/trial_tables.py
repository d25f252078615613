"""Every trial as tidy tables for other tools: ``trials`` and ``epochs``, Parquet and CSV.

``trials`` has one row per trial, ``epochs`` one per (trial, epoch); stage, task, depth, method and
trial join them. docs/report.md says what the columns mean.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from analysis.run_data.runs import Run

_COUNTS = ("depth", "seed", "epochs", "epochs_planned", "best_epoch", "epoch", "samples", "seq")
_TIMES = ("started", "time")
_TEXTS = ("stage", "task", "method", "trial", "state", "error", "device", "decision")
_NESTED = ("train_curve",)


def write_trials(run: Run, folder: Path) -> None:
    """Writes ``{trials,epochs}.{parquet,csv}`` into `folder`, whatever the study's state.

    The learning curve within an epoch (``train_curve``) is a list column of the Parquet file; CSV
    has no lists, so it is left out there.
    """
    for name, table in (("trials", tidy(run.trials, run)), ("epochs", tidy(run.reports, run))):
        table.to_parquet(folder / f"{name}.parquet", index=False)
        flat = table.drop(columns=list(_NESTED), errors="ignore")
        flat.to_csv(folder / f"{name}.csv", index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ")


def tidy(frame: pd.DataFrame, run: Run) -> pd.DataFrame:
    """`run.trials` or `run.reports` with one type per column and the study's name in front.

    Counts are nullable integers, times UTC timestamps, switches nullable booleans. A column whose
    values have no common type becomes JSON texts.
    """
    table = frame.copy()
    for name in table.columns:
        if name in _COUNTS:
            table[name] = _whole(table[name])
        elif name in _TIMES:
            seconds = pd.to_numeric(table[name], errors="coerce").astype(float)
            table[name] = pd.to_datetime(seconds, unit="s", utc=True).dt.round("ms")
        elif name in _TEXTS:
            table[name] = table[name].astype("string")
        elif table[name].dtype == object:
            table[name] = _typed(table[name])
    table.insert(0, "study", str(run.study["name"]))
    return table.astype({"study": "string"})


def _whole(column: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    return numbers.astype("Int64") if (numbers.dropna() % 1 == 0).all() else numbers


def _typed(column: pd.Series) -> pd.Series:
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
