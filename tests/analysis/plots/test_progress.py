from pathlib import Path

import pytest

from analysis.plots.progress import plots
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import FakeRun


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
