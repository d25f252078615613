"""The tables of size and speed."""

from pathlib import Path
from typing import Any

import pytest

from analysis.rendering import Table
from analysis.run_data.measured_times import load_benchmark
from analysis.run_data.runs import Run, load_run
from analysis.tables.sizes import tables
from tests.support.runs.fake_benchmark import BERT, write_benchmark
from tests.support.runs.fake_run import FakeRun

BASE = {"name": "bert-base-uncased", "layers": 12, "hidden": 768, "parameters": BERT}


def run_of(path: Path, **study: Any) -> Run:
    FakeRun(path, **{"teacher": BASE, **study})
    return load_run(path)


def table(run: Run, name: str = "sizes") -> Table:
    return next(each for each in tables(run) if each.name == name)


def test_without_a_benchmark_a_note_names_the_command(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    assert [each.name for each in tables(run)] == ["sizes"]
    found = table(run)
    assert "Speed-up" not in found.cells and "ms per row" not in found.cells
    assert f"`pkd-study benchmark {tmp_path}`" in found.markdown()
    assert found.cells["Total"].tolist() == ["109.5 M", "67.0 M", "45.7 M"]
    assert found.cells["Paper: speed-up"].tolist() == ["1.00×", "1.94×", "3.73×"]


def test_measured_times_are_beside_the_papers_with_the_device(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    write_benchmark(tmp_path)
    found = table(run)
    assert found.cells["Speed-up"].tolist() == ["1.00×", "2.00× (2.00–2.00)", "4.00× (4.00–4.00)"]
    assert found.cells["ms per row"].tolist()[1] == "0.6 (0.6–0.66)"
    assert "A Processor, 2 threads, bf16, sdpa attention, torch 2.13.0" in found.markdown()
    assert "busy" not in found.markdown()


def test_a_busy_machine_is_reported(tmp_path: Path) -> None:
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


def test_a_teacher_that_the_paper_lacks_has_no_published_ratio(tmp_path: Path) -> None:
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
