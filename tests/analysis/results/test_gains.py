"""What each method adds to the baseline."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.results.gains import gains
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import FakeRun


def confirm(fake: FakeRun, method: str, scores: list[float], task: str = "rte") -> None:
    for seed, score in enumerate(scores):
        fake.trial("confirm", task, 6, method, seed, score)


def rows(path: Path) -> dict[str, Any]:
    return {row["method"]: row for row in gains(load_run(path)).to_dict("records")}


def test_differences_are_to_ft_with_the_standard_error_of_two_means(fake: FakeRun) -> None:
    ft, kd = [0.60, 0.62, 0.64], [0.63, 0.66, 0.69]
    confirm(fake, "ft", ft)
    confirm(fake, "kd", kd)
    found = rows(fake.path)
    assert found["kd"]["difference"] == pytest.approx(4.0)
    expected = 100 * math.sqrt(np.var(ft, ddof=1) / 3 + np.var(kd, ddof=1) / 3)
    assert found["kd"]["se"] == pytest.approx(expected)
    assert (found["ft"]["difference"], found["ft"]["se"]) == (0, 0)


def test_one_seed_has_no_error_bar(fake: FakeRun) -> None:
    confirm(fake, "ft", [0.6])
    confirm(fake, "pkd-skip", [0.7, 0.8])
    found = rows(fake.path)
    assert math.isnan(found["pkd-skip"]["se"])
    assert found["pkd-skip"]["difference"] == pytest.approx(15)


def test_a_task_without_the_baseline_is_left_out(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("rte", "mrpc"))
    confirm(fake, "ft", [0.6])
    confirm(fake, "kd", [0.7])
    confirm(fake, "kd", [0.7], "mrpc")
    assert set(gains(load_run(tmp_path))["task"]) == {"rte"}
