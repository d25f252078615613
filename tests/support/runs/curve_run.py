"""Runs with learning curves."""

from pathlib import Path
from typing import Any

import pandas as pd

from analysis.run_data.runs import load_run
from analysis.search_history.curves import curves
from tests.support.runs.fake_run import FakeRun


def report(step: int, train: tuple[float, float], dev: float, **metrics: float) -> dict[str, Any]:
    """An epoch report with two curve points; `step` is the last step of the epoch."""
    curve = [
        {"step": step - 5, "loss": 1.0, "accuracy": train[0]},
        {"step": step, "loss": 0.5, "accuracy": train[1]},
    ]
    values = metrics or {"accuracy": dev}
    return {"train_curve": curve, "score": dev, "metrics": {"validation": values}}


def confirm(
    fake: FakeRun, seed: int, method: str = "kd", shift: float = 0.0, **about: Any
) -> None:
    reports = [
        report(10, (0.5 + shift, 0.6 + shift), 0.55 + shift),
        report(20, (0.7 + shift, 0.8 + shift), 0.65 + shift),
    ]
    fake.trial("confirm", "rte", 6, method, seed, 0.65 + shift, epochs=2, reports=reports, **about)


def part(path: Path, kind: str, method: str = "kd") -> pd.DataFrame:
    numbers = curves(load_run(path))
    return numbers[(numbers["kind"] == kind) & (numbers["method"] == method)]
