"""The plots of score against cost."""

import math
from pathlib import Path

from analysis.plots.pareto import plots
from analysis.run_data.runs import load_run
from tests.support.runs.costed_run import BASE, study
from tests.support.runs.fake_benchmark import write_benchmark
from tests.support.runs.fake_run import FakeRun


def test_nothing_is_drawn_without_students_or_without_costs(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path / "empty", teacher=BASE)
    assert list(plots(load_run(fake.path))) == []
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.7)
    assert list(plots(load_run(fake.path))) == []
    old = study(tmp_path / "old", teacher={"name": "x", "layers": 12, "hidden": 768})
    assert list(plots(load_run(old.path))) == []


def test_depths_that_take_equally_long_can_be_drawn(tmp_path: Path) -> None:
    study(tmp_path)
    kind = {"task": None, "batch_size": 1, "tokens": 128, "rows": 1}
    times = [{**kind, "depth": depth, "seconds": [0.1, 0.1, 0.1]} for depth in (12, 6, 3)]
    write_benchmark(tmp_path, times=times)
    plot = list(plots(load_run(tmp_path)))[1]
    low, high = plot.figure.axes[0].get_xlim()
    assert low < 100 < high and not math.isnan(low)
