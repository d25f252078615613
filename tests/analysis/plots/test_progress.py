import math
from pathlib import Path

import pandas as pd
import pytest

from analysis.plots.progress import plots, progress
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import FakeRun


def best(path: Path, method: str = "kd") -> pd.DataFrame:
    table = progress(load_run(path))
    return table[table["method"] == method].reset_index(drop=True)


def test_hours_add_up_in_the_order_of_the_ends_and_the_best_stays(fake: FakeRun) -> None:
    for number, (end, score) in enumerate([(30, 0.70), (10, 0.60), (20, 0.65), (40, 0.66)]):
        # By its clock each ended before the ones that were recorded earlier: it was set back.
        past = [{"time": 1e9 - 86400 * end}]
        trial = ("search", "rte", 6, "kd", number, score)
        fake.trial(*trial, seconds=1800.0, seq=end, reports=past)
    table = best(fake.path)
    assert table["trial"].tolist() == ["trial-0001", "trial-0002", "trial-0000", "trial-0003"]
    assert table["device_hours"].tolist() == [0.5, 1.0, 1.5, 2.0]
    assert table["score"].tolist() == pytest.approx([60, 65, 70, 66])
    assert table["best"].tolist() == pytest.approx([60, 65, 70, 70])


def test_cells_are_added_up_apart(fake: FakeRun) -> None:
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


def test_confirm_trials_are_no_search(fake: FakeRun) -> None:
    fake.trial("confirm", "rte", 6, "kd", 0, 0.6)
    assert progress(load_run(fake.path)).empty


def test_nothing_is_drawn_without_a_score(fake: FakeRun) -> None:
    assert list(plots(load_run(fake.path))) == []
    fake.trial("search", "rte", 6, "kd", 0, None, state="failed")
    assert list(plots(load_run(fake.path))) == []


def test_short_searches_are_drawn_in_minutes_long_ones_in_hours(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("rte", "qqp"))
    fake.trial("search", "rte", 6, "kd", 0, 0.6, seconds=120.0)
    fake.trial("search", "qqp", 6, "kd", 0, 0.6, seconds=7200.0)
    fake.trial("search", "qqp", 6, "kd", 1, None, state="failed", seconds=3600.0)
    [plot] = plots(load_run(tmp_path))
    rte, qqp = plot.figure.axes
    assert (rte.get_xlabel(), qqp.get_xlabel()) == ("device minutes", "device hours")
    assert list(rte.get_lines()[0].get_xdata()) == pytest.approx([2.0])
    assert list(qqp.get_lines()[0].get_xdata()) == pytest.approx([2.0, 3.0])
    [legend] = plot.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["KD", "failed"]
