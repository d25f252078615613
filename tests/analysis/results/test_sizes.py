import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.rendering import Table
from analysis.results.sizes import published_ratios, sizes
from analysis.run_data.measured_times import Benchmark, load_benchmark, speeds
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


def test_published_ratios_are_over_a_model_as_deep_as_the_teacher() -> None:
    over_12, over_6, over_8 = (published_ratios(layers) for layers in (12, 6, 8))
    assert over_12["published_speedup"].to_dict() == {3: 3.73, 6: 1.94, 12: 1.0}
    assert over_6.loc[3, "published_speedup"] == pytest.approx(3.73 / 1.94)
    assert over_8["published_speedup"].isna().all() and over_8.loc[3, "published_seconds"] == 27.35


def test_speeds_are_medians_with_quartiles_and_ratios_of_neighbouring_calls(
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
    # The calls slow down together, so that their ratio does not change at all.
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


def test_saved_models_are_counted_where_the_study_does_not_tell(tmp_path: Path) -> None:
    run = run_of(tmp_path, teacher={"name": "x", "layers": 12, "hidden": 768}, depths=[6, 4])
    assert sizes(run)["total"].isna().all()
    assert "not known" in table(run).markdown()
    write_benchmark(tmp_path)
    numbers = sizes(run, benchmark_of(tmp_path)).set_index("depth")
    assert numbers.loc[6, "total"] == 66_955_008 and math.isnan(numbers.loc[4, "total"])
    assert math.isnan(numbers.loc[4, "speedup"]) and numbers.loc[6, "speedup"] == 2


def test_without_a_benchmark_a_note_names_the_command(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    assert [each.name for each in tables(run)] == ["sizes"]
    found = table(run)
    assert "Speed-up" not in found.cells and "ms a row" not in found.cells
    assert f"`python -m pkd.benchmark {tmp_path}`" in found.markdown()
    assert found.cells["Total"].tolist() == ["109.5 M", "67.0 M", "45.7 M"]
    assert found.cells["Paper: speed-up"].tolist() == ["1.00×", "1.94×", "3.73×"]


def test_measured_times_stand_beside_the_papers_and_name_the_device(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    write_benchmark(tmp_path)
    found = table(run)
    assert found.cells["Speed-up"].tolist() == ["1.00×", "2.00× (2.00–2.00)", "4.00× (4.00–4.00)"]
    assert found.cells["ms a row"].tolist()[1] == "0.6 (0.6–0.66)"
    assert "A Processor, 2 threads, bf16, sdpa attention, torch 2.13.0" in found.markdown()
    assert "busy" not in found.markdown()


def test_a_machine_that_was_busy_is_told(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    write_benchmark(tmp_path, load_average=5.6)
    assert "busy before measuring (load 5.6)" in table(run).markdown()


def test_the_speed_table_has_a_row_per_kind_of_batch_and_the_papers_last(tmp_path: Path) -> None:
    run = run_of(tmp_path, tasks=("rte", "sst2"))
    write_benchmark(tmp_path, ("rte", "sst2"))
    cells = table(run, "speed").cells
    assert cells.columns.tolist() == ["Rows", "Batch", "12 layers", "6 layers", "3 layers"]
    assert cells["Rows"].tolist() == [
        *["rows of 128 tokens"] * 2,
        *["RTE dev, 32 tokens on average"] * 2,
        *["SST-2 dev, 32 tokens on average"] * 2,
        "paper: rows of 128 tokens",
    ]
    assert cells["Batch"].tolist() == ["1", "128"] * 3 + ["128"]
    paper = ["101.89 s", "52.51 s, 1.94×", "27.35 s, 3.73×"]
    assert cells.iloc[-1].tolist()[2:] == paper


def test_a_teacher_the_paper_has_not_gets_no_published_ratio(tmp_path: Path) -> None:
    parameters = {"embeddings": 8, "layers": 80, "pooler": 2, "total": 90}
    teacher = {"name": "other", "layers": 8, "hidden": 4, "parameters": parameters}
    run = run_of(tmp_path, teacher=teacher, depths=[4, 2])
    found = table(run)
    assert "Paper: speed-up" not in found.cells
    assert found.numbers["total"].tolist() == [90, 50, 30]
    run = run_of(tmp_path, teacher=teacher, depths=[6])
    found = table(run)
    assert found.cells["Paper: speed-up"].tolist() == ["–", "–"]
    assert "other" in found.markdown()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"format": 2, "times": "of another kind"}', "has format 2"),
        ('{"format": 1}', "it lacks 'device'"),
        ("", "is damaged"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_the_rest_shown(
    tmp_path: Path, content: str, why: str
) -> None:
    run = run_of(tmp_path)
    (tmp_path / "benchmark.json").write_text(content)
    benchmark, problem = load_benchmark(tmp_path)
    assert benchmark is None and problem is not None
    assert problem.startswith("benchmark.json ") and why in problem
    assert problem in table(run).markdown()
    assert table(run).cells["Total"].tolist() == ["109.5 M", "67.0 M", "45.7 M"]


@pytest.mark.parametrize("change", [{"times": []}, {"times": [{"task": None}]}, {"models": 3}])
def test_a_file_with_wrong_parts_is_damaged(tmp_path: Path, change: dict[str, Any]) -> None:
    write_benchmark(tmp_path, **change)
    benchmark, problem = load_benchmark(tmp_path)
    assert benchmark is None and "is damaged and not used" in str(problem)


def test_without_a_file_there_is_neither_a_benchmark_nor_a_problem(tmp_path: Path) -> None:
    assert load_benchmark(tmp_path) == (None, None)
