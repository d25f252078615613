"""Confirmed students whose right and wrong answers are given row by row."""

from pathlib import Path
from typing import Any

import numpy as np

from analysis.rendering import Table
from analysis.results.significance import differences
from analysis.run_data.runs import load_run
from analysis.tables.significance import tables
from tests.support.runs.fake_run import FakeRun

ROWS = 200
LABELS = [1, 0] * (ROWS // 2)


def right_answers(share: float, first: int = 0) -> list[int]:
    """Returns `ROWS` marks, the given share of them 1, from row `first` on, wrapping around."""
    marks = np.arange(ROWS) < round(share * ROWS)
    return np.roll(marks, first).astype(int).tolist()


def three_methods(
    path: Path, tasks: tuple[str, ...] = ("rte",), seeds: int = 3, **more: Any
) -> FakeRun:
    """Makes a study of three methods with students of 6 layers."""
    methods = ["ft", "kd", "pkd-skip"]
    trials = dict.fromkeys(methods, 4)
    budget = {"teacher_trials": 1, "search_trials": trials, "confirm_seeds": seeds, "epochs": 4}
    return FakeRun(path, tasks, depths=[6], methods=methods, budget=budget, **more)


def confirm(fake: FakeRun, method: str, marks: list[list[int]], task: str = "rte") -> None:
    """Writes one confirmed trial for each seed's marks."""
    for seed, each in enumerate(marks):
        fake.confirm(task, 6, method, seed, LABELS, each)


def difference(path: Path, a: str, b: str, task: str = "rte") -> Any:
    """Returns the row of `differences` for one pair of methods on one task."""
    table = differences(load_run(path)).table
    [found] = table[(table["a"] == a) & (table["b"] == b) & (table["task"] == task)].to_dict(
        "records"
    )
    return found


def budget_of(seeds: int) -> dict[str, Any]:
    """Returns the budget in ``study.yaml`` for a number of confirm seeds."""
    trials = dict.fromkeys(["ft", "kd", "pkd-skip", "pkd-last"], 4)
    return {"teacher_trials": 1, "search_trials": trials, "confirm_seeds": seeds, "epochs": 4}


def significance_tables(path: Path) -> dict[str, Table]:
    """Returns the tables of paired comparisons of a study, by name."""
    return {table.name: table for table in tables(load_run(path))}
