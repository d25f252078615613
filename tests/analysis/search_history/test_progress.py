"""The numbers of the search progress."""

import math
from pathlib import Path

import pandas as pd
import pytest

from analysis.run_data.runs import load_run
from analysis.search_history.progress import progress
from tests.support.runs.fake_run import FakeRun


def test_hours_add_up_in_the_order_of_the_ends_and_the_best_is_kept(fake: FakeRun) -> None:
    for number, (end, score) in enumerate([(30, 0.70), (10, 0.60), (20, 0.65), (40, 0.66)]):
        # The clock was set back: by time, each trial ended before the ones recorded earlier.
        past = [{"time": 1e9 - 86400 * end}]
        trial = ("search", "rte", 6, "kd", number, score)
        fake.trial(*trial, seconds=1800.0, seq=end, reports=past)
    table = best(fake.path)
    assert table["trial"].tolist() == ["trial-0001", "trial-0002", "trial-0000", "trial-0003"]
    assert table["device_hours"].tolist() == [0.5, 1.0, 1.5, 2.0]
    assert table["score"].tolist() == pytest.approx([60, 65, 70, 66])
    assert table["best"].tolist() == pytest.approx([60, 65, 70, 70])


def test_cells_are_summed_separately(fake: FakeRun) -> None:
    fake.trial("search", "rte", 6, "kd", 0, 0.6, seconds=3600.0)
    fake.trial("search", "rte", 6, "ft", 0, 0.7, seconds=3600.0)
    fake.trial("search", "rte", 3, "kd", 0, 0.5, seconds=3600.0)
    table = progress(load_run(fake.path))
    assert table["device_hours"].tolist() == [1.0] * 3
    assert sorted(table["best"]) == pytest.approx([50, 60, 70])


def test_failed_and_stopped_trials_cost_time_and_only_stopped_ones_score(fake: FakeRun) -> None:
    fake.trial("search", "rte", 6, "kd", 0, None, state="failed", seconds=360.0, seq=11)
    fake.trial("search", "rte", 6, "kd", 1, 0.6, state="stopped", seconds=360.0, seq=12)
    fake.trial("search", "rte", 6, "kd", 2, 0.9, state="failed", seconds=360.0, seq=13)
    fake.trial("search", "rte", 6, "kd", 3, 0.9, state="unfinished")
    table = best(fake.path)
    assert table["state"].tolist() == ["failed", "stopped", "failed"]
    assert table["device_hours"].tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert math.isnan(table["best"][0])
    assert table["best"].tolist()[1:] == pytest.approx([60, 60])


def test_a_constant_trial_is_never_the_best_unless_all_are(fake: FakeRun) -> None:
    for number, (score, constant) in enumerate([(0.9, True), (0.6, False), (0.8, True)]):
        fake.trial("search", "rte", 6, "kd", number, score, constant=constant, seq=number)
        fake.trial("search", "rte", 6, "ft", number, score, constant=True, seq=number)
    table = best(fake.path)
    assert table["constant"].tolist() == [True, False, True]
    assert math.isnan(table["best"][0])
    assert table["best"].tolist()[1:] == pytest.approx([60, 60])
    assert best(fake.path, "ft")["best"].tolist() == pytest.approx([90, 90, 90])


def test_confirm_trials_are_left_out(fake: FakeRun) -> None:
    fake.trial("confirm", "rte", 6, "kd", 0, 0.6)
    assert progress(load_run(fake.path)).empty


def best(path: Path, method: str = "kd") -> pd.DataFrame:
    table = progress(load_run(path))
    return table[table["method"] == method].reset_index(drop=True)
