import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.plots.pareto import plots
from analysis.results.comparison import AVERAGE
from analysis.results.pareto import on_front, pareto
from analysis.run_data.measured_times import load_benchmark
from analysis.run_data.runs import load_run
from tests.support.runs.fake_benchmark import BERT, write_benchmark
from tests.support.runs.fake_run import FakeRun

BASE = {"name": "bert-base-uncased", "layers": 12, "hidden": 768, "parameters": BERT}


def study(path: Path, tasks: tuple[str, ...] = ("rte",), **about: Any) -> FakeRun:
    """Teachers of 70 %, and at 6 and 3 layers FT of 60 and 50 and KD of 65 and 55 %."""
    fake = FakeRun(path, tasks, **{"teacher": BASE, **about})
    for task in tasks:
        fake.trial("teachers", task, 12, "teacher", 0, 0.7)
        for seed in range(3):
            for method, score in (("ft", 0.60), ("kd", 0.65)):
                fake.trial("confirm", task, 6, method, seed, score)
                fake.trial("confirm", task, 3, method, seed, score - 0.1)
    return fake


def numbers(path: Path, kind: str, task: str = "rte") -> pd.DataFrame:
    table = pareto(load_run(path), kind, load_benchmark(path)[0])
    return table[table["task"] == task].set_index(["depth", "method"])


def dominated(cost: np.ndarray, score: np.ndarray, i: int) -> bool:
    others = (cost <= cost[i]) & (score >= score[i])
    better = (cost < cost[i]) | (score > score[i])
    return bool((others & better).any())


def test_the_front_is_what_nothing_dominates() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        cost, score = rng.integers(0, 6, 12).astype(float), rng.integers(0, 6, 12).astype(float)
        front = on_front(pd.Series(cost), pd.Series(score))
        assert front.tolist() == [not dominated(cost, score, i) for i in range(12)]


def test_parameters_need_no_benchmark_and_the_front_holds_the_best_of_each_depth(
    tmp_path: Path,
) -> None:
    study(tmp_path)
    table = numbers(tmp_path, "parameters")
    assert table["cost"].round(2).loc[[(12, "teacher"), (6, "ft"), (3, "ft")]].tolist() == [
        109.48,
        66.96,
        45.69,
    ]
    assert set(table.index[table["front"]]) == {(12, "teacher"), (6, "kd"), (3, "kd")}
    assert [plot.name for plot in plots(load_run(tmp_path))] == ["pareto-parameters"]


def test_a_larger_model_that_scores_less_is_off_the_front(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, teacher=BASE)
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.6)
    fake.trial("confirm", "rte", 6, "kd", 0, 0.65)
    assert numbers(tmp_path, "parameters")["front"].tolist() == [True, False]


def test_latency_is_that_of_one_dev_row_at_a_time(tmp_path: Path) -> None:
    study(tmp_path)
    write_benchmark(tmp_path)
    table = numbers(tmp_path, "latency")
    assert table.loc[(6, "kd"), "cost"] == pytest.approx(0.6 * 32 / 128)
    both = list(plots(load_run(tmp_path)))
    assert [plot.name for plot in both] == ["pareto-parameters", "pareto-latency"]
    assert "the task's dev rows, on A Processor" in both[1].caption


def test_latency_is_of_128_tokens_where_a_tasks_rows_were_not_measured(tmp_path: Path) -> None:
    study(tmp_path, ("rte", "sst2"))
    write_benchmark(tmp_path, ("rte",))
    for task in ("rte", "sst2"):
        cost = numbers(tmp_path, "latency", task).loc[(6, "kd"), "cost"]
        assert cost == pytest.approx(0.6)
    assert "rows of 128 tokens, on A Processor" in list(plots(load_run(tmp_path)))[1].caption


def test_the_average_holds_models_that_are_complete_on_every_task(tmp_path: Path) -> None:
    fake = study(tmp_path, ("rte", "sst2"))
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "pkd-skip", seed, 0.9)
    fake.trial("confirm", "sst2", 6, "pkd-skip", 0, 0.9)  # one seed of three
    average = numbers(tmp_path, "parameters", AVERAGE)
    assert set(average.index) == {
        *((12, "teacher"), (6, "ft"), (6, "kd")),
        *((3, "ft"), (3, "kd")),
    }
    assert average.loc[(6, "kd"), "mean"] == pytest.approx(65)
    titles = [axes.get_title() for axes in next(plots(load_run(tmp_path))).figure.axes]
    assert titles == ["average over tasks", "RTE", "SST-2"]


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
