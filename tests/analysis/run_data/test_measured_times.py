"""The times of ``benchmark.json``."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.run_data.measured_times import Benchmark, load_benchmark, speeds
from tests.support.runs.fake_benchmark import BERT, write_benchmark

BASE = {"name": "bert-base-uncased", "layers": 12, "hidden": 768, "parameters": BERT}


def benchmark_of(path: Path) -> Benchmark:
    benchmark, problem = load_benchmark(path)
    assert benchmark is not None and problem is None
    return benchmark


def test_speeds_are_medians_with_quartiles_and_ratios_of_paired_calls(
    tmp_path: Path,
) -> None:
    write_benchmark(tmp_path)
    numbers = speeds(benchmark_of(tmp_path))
    assert numbers["depth"].tolist()[:3] == [12, 6, 3] and len(numbers) == 4 * 3
    six = numbers[(numbers["task"] == "") & (numbers["batch_size"] == 128)].iloc[1]
    factors = [1.0, 1.1, 1.2, 0.9, 1.0]
    assert six["ms"] == pytest.approx(0.6 * np.median(factors))
    assert six["ms_q1"] == pytest.approx(0.6 * np.percentile(factors, 25))
    assert six["ms_q3"] == pytest.approx(0.6 * np.percentile(factors, 75))
    # The calls slow down together, so their ratio does not change.
    assert (six["speedup"], six["speedup_q1"], six["speedup_q3"]) == pytest.approx((2, 2, 2))
    assert six["repeats"] == 5
    rte = numbers[(numbers["task"] == "rte") & (numbers["batch_size"] == 1)].iloc[0]
    assert rte["tokens"] == 32 and rte["ms"] == pytest.approx(1.2 * 32 / 128)


def test_the_speed_up_is_the_median_of_ratios_not_the_ratio_of_medians(tmp_path: Path) -> None:
    kind = {"task": None, "batch_size": 128, "tokens": 128, "rows": 128}
    times = [
        {**kind, "depth": 12, "seconds": [1.0, 4.0, 9.0]},
        {**kind, "depth": 6, "seconds": [1.0, 1.0, 3.0]},
    ]
    write_benchmark(tmp_path, times=times)
    assert speeds(benchmark_of(tmp_path))["speedup"].tolist() == [1.0, 3.0]


@pytest.mark.parametrize("change", [{"times": []}, {"times": [{"task": None}]}, {"models": 3}])
def test_a_file_with_wrong_parts_is_damaged(tmp_path: Path, change: dict[str, Any]) -> None:
    write_benchmark(tmp_path, **change)
    benchmark, problem = load_benchmark(tmp_path)
    assert benchmark is None and "is damaged and not used" in str(problem)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_without_a_ratio_is_damaged(tmp_path: Path, seconds: float) -> None:
    kind = {"task": None, "batch_size": 128, "tokens": 128, "rows": 128}
    times = [{**kind, "depth": depth, "seconds": [1.0, seconds]} for depth in (12, 6)]
    write_benchmark(tmp_path, times=times)
    benchmark, problem = load_benchmark(tmp_path)
    assert benchmark is None and "a time is not above 0 seconds" in str(problem)


def test_without_a_file_there_is_neither_a_benchmark_nor_a_problem(tmp_path: Path) -> None:
    assert load_benchmark(tmp_path) == (None, None)
