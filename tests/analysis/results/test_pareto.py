from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.plots.pareto import plots
from analysis.results.comparison import AVERAGE
from analysis.results.pareto import on_front, pareto
from analysis.run_data.measured_times import load_benchmark
from analysis.run_data.runs import load_run
from tests.support.runs.costed_run import BASE, study
from tests.support.runs.fake_benchmark import write_benchmark
from tests.support.runs.fake_run import FakeRun


def numbers(path: Path, kind: str, task: str = "rte") -> pd.DataFrame:
    table = pareto(load_run(path), kind, load_benchmark(path)[0])
    return table[table["task"] == task].set_index(["depth", "method"])


def dominated(cost: np.ndarray, score: np.ndarray, i: int) -> bool:
    others = (cost <= cost[i]) & (score >= score[i])
    better = (cost < cost[i]) | (score > score[i])
    return bool((others & better).any())


def test_the_front_holds_the_models_that_none_dominates() -> None:
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


def test_latency_is_that_of_128_tokens_if_a_task_was_not_measured(tmp_path: Path) -> None:
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
