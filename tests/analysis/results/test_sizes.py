import math
from pathlib import Path
from typing import Any

import pytest

from analysis.rendering import Table
from analysis.results.sizes import published_ratios, sizes
from analysis.run_data.measured_times import Benchmark, load_benchmark
from analysis.run_data.runs import Run, load_run
from analysis.tables.sizes import tables
from tests.support.runs.fake_benchmark import BERT, write_benchmark
from tests.support.runs.fake_run import FakeRun

BASE = {"name": "bert-base-uncased", "layers": 12, "hidden": 768, "parameters": BERT}


def run_of(path: Path, **study: Any) -> Run:
    FakeRun(path, **{"teacher": BASE, **study})
    return load_run(path)


def benchmark_of(path: Path) -> Benchmark:
    benchmark, problem = load_benchmark(path)
    assert benchmark is not None and problem is None
    return benchmark


def table(run: Run, name: str = "sizes") -> Table:
    return next(each for each in tables(run) if each.name == name)


def test_sizes_of_bert_base_are_the_papers_without_any_benchmark(tmp_path: Path) -> None:
    numbers = sizes(run_of(tmp_path)).set_index("depth")
    assert numbers["total"].to_dict() == {12: 109_482_240, 6: 66_955_008, 3: 45_691_392}
    assert numbers["layers"].to_dict() == {12: 85_054_464, 6: 42_527_232, 3: 21_263_616}
    assert numbers["compression"].round(2).to_dict() == {12: 1.0, 6: 1.64, 3: 2.4}
    assert numbers["published_compression"].to_dict() == {12: 1.0, 6: 1.64, 3: 2.4}
    assert numbers["published_seconds"].to_dict() == {12: 101.89, 6: 52.51, 3: 27.35}
    assert "speedup" not in numbers


def test_published_ratios_are_relative_to_a_model_as_deep_as_the_teacher() -> None:
    over_12, over_6, over_8 = (published_ratios(layers) for layers in (12, 6, 8))
    assert over_12["published_speedup"].to_dict() == {3: 3.73, 6: 1.94, 12: 1.0}
    assert over_6.loc[3, "published_speedup"] == pytest.approx(3.73 / 1.94)
    assert over_8["published_speedup"].isna().all() and over_8.loc[3, "published_seconds"] == 27.35


def test_saved_models_are_counted_if_the_study_has_no_counts(tmp_path: Path) -> None:
    run = run_of(tmp_path, teacher={"name": "x", "layers": 12, "hidden": 768}, depths=[6, 4])
    assert sizes(run)["total"].isna().all()
    assert "are unknown: an older version" in table(run).markdown()
    write_benchmark(tmp_path)
    numbers = sizes(run, benchmark_of(tmp_path)).set_index("depth")
    assert numbers.loc[6, "total"] == 66_955_008 and math.isnan(numbers.loc[4, "total"])
    assert math.isnan(numbers.loc[4, "speedup"]) and numbers.loc[6, "speedup"] == 2
