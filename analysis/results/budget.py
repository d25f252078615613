"""The budget of a study: planned and finished trials, time, and what is missing."""

from collections.abc import Hashable
from typing import Any

import pandas as pd

from analysis.labels import method_label, task_label
from analysis.run_data.runs import STAGES, Run
from pkd.distillation.methods import TEACHER

_STATES = ("complete", "stopped", "failed", "unfinished")
CELL = ["task", "depth", "method"]


def budget(run: Run) -> pd.DataFrame:
    """Returns one row per stage and cell that the study plans, started or not.

    Columns: ``stage``, ``task``, ``depth``, ``method``, ``planned`` (trials), the number of
    trials by state (``complete``, ``stopped`` early by the scheduler, ``failed``,
    ``unfinished``), ``done`` (complete + stopped), ``constant`` (how many of these predict a
    single class; a search replaces them, so more trials than planned may be done), ``epochs``
    (trained), ``epochs_saved`` (not trained because the scheduler stopped trials early), and
    ``device_hours``: the sum of the trials' times; trials that share a device count in full.
    """
    planned = _planned(run)
    keys = ["stage", *CELL]
    trials = run.trials
    counts = pd.crosstab([trials[key] for key in keys], trials["state"])
    counts = counts.reindex(columns=list(_STATES), fill_value=0)
    saved = (trials["epochs_planned"] - trials["epochs"]).where(trials["state"] == "stopped", 0)
    spent = (
        trials.assign(saved=saved)
        .groupby(keys)
        .agg(
            constant=("constant", "sum"),
            epochs=("epochs", "sum"),
            epochs_saved=("saved", "sum"),
            device_hours=("seconds", "sum"),
        )
    )
    spent["device_hours"] /= 3600
    table = planned.join(counts.join(spent), on=keys) if len(trials) else planned
    whole = [*_STATES, "constant", "epochs", "epochs_saved"]
    table = table.reindex(columns=[*planned.columns, *whole, "device_hours"])
    table = table.fillna(dict.fromkeys([*whole, "device_hours"], 0))
    table = table.astype({**dict.fromkeys(whole, int), "device_hours": float})
    table.insert(len(planned.columns), "done", table["complete"] + table["stopped"])
    return table


def budget_by_method(cells: pd.DataFrame) -> pd.DataFrame:
    """Returns `budget` summed by stage and method: were the methods tuned equally?"""
    counts = cells.drop(columns=["task", "depth"])
    return counts.groupby(["stage", "method"], sort=False).sum().reset_index()


def missing(run: Run) -> list[str]:
    """Returns the unfinished part of the plan, one line per stage and cell."""
    lines = []
    for row in budget(run).to_dict("records"):
        if row["done"] < row["planned"]:
            failed = f", {row['failed']} failed" if row["failed"] else ""
            lines.append(f"{_cell(row)}: {row['done']} of {row['planned']} trials{failed}")
    return lines


def failures(run: Run) -> list[str]:
    """Returns the failed trials, one line each, with the first line of the error."""
    failed = run.trials[run.trials["state"] == "failed"]
    return [
        f"{_cell(row)}, {row['trial']}: {str(row['error'] or 'no error recorded').splitlines()[0]}"
        for row in failed.to_dict("records")
    ]


def _cell(row: dict[Hashable, Any]) -> str:
    model = f"{row['depth']} layers, {method_label(row['method'])}"
    return f"{row['stage']}: {task_label(row['task'])}, {model}"


def _planned(run: Run) -> pd.DataFrame:
    study = run.study
    trials = study["budget"]
    rows: list[tuple[str, str, int, str, int]] = []
    for task in study["tasks"]:
        layers = int(study["teacher"]["layers"])
        rows.append(("teachers", task, layers, TEACHER, int(trials["teacher_trials"])))
        for depth in study["depths"]:
            for method in study["methods"]:
                rows.append(("search", task, depth, method, int(trials["search_trials"][method])))
                rows.append(("confirm", task, depth, method, int(trials["confirm_seeds"])))
    rows.sort(key=lambda row: STAGES.index(row[0]))
    return pd.DataFrame(rows, columns=["stage", *CELL, "planned"])
