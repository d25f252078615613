"""Confirmed students whose right and wrong answers are given example by example."""

from pathlib import Path
from typing import Any

import numpy as np
from tests.support.runs.fake_run import FakeRun

from analysis.rendering import Table
from analysis.run_data.runs import load_run
from analysis.results.significance import differences
from analysis.tables.significance import tables

N = 200
LABELS = [1, 0] * (N // 2)


def right(share: float, first: int = 0) -> list[int]:
    """`N` marks, the given share of them right, beginning at one place and wrapping round."""
    marks = np.arange(N) < round(share * N)
    return np.roll(marks, first).astype(int).tolist()


def study(path: Path, tasks: tuple[str, ...] = ("rte",), seeds: int = 3, **more: Any) -> FakeRun:
    """A study of three methods on students of 6 layers."""
    methods = ["ft", "kd", "pkd-skip"]
    trials = dict.fromkeys(methods, 4)
    budget = {"teacher_trials": 1, "search_trials": trials, "confirm_seeds": seeds, "epochs": 4}
    return FakeRun(path, tasks, depths=[6], methods=methods, budget=budget, **more)


def confirm(fake: FakeRun, method: str, marks: list[list[int]], task: str = "rte") -> None:
    """One confirmed trial for each seed's marks."""
    for seed, each in enumerate(marks):
        fake.confirm(task, 6, method, seed, LABELS, each)


def row(path: Path, a: str, b: str, task: str = "rte") -> Any:
    """What is found of one pair of methods on one task."""
    table = differences(load_run(path)).table
    [found] = table[(table["a"] == a) & (table["b"] == b) & (table["task"] == task)].to_dict(
        "records"
    )
    return found


def budget_of(seeds: int) -> dict[str, Any]:
    """What the study file says of the budget."""
    trials = dict.fromkeys(["ft", "kd", "pkd-skip", "pkd-last"], 4)
    return {"teacher_trials": 1, "search_trials": trials, "confirm_seeds": seeds, "epochs": 4}


def made(path: Path) -> dict[str, Table]:
    """The tables of a study, by name."""
    return {table.name: table for table in tables(load_run(path))}
