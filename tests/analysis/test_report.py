import os
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.report import main
from tests.support.runs.fake_run import FakeRun


def test_the_command_prints_the_comparison_and_where_the_files_are(
    finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(finished_run)]) == 0
    out = capsys.readouterr().out
    assert "65.0 ± 0.0 (2) *" in out and str(finished_run / "report" / "index.html") in out


def test_the_command_ends_with_2_and_one_line_without_a_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "analysis.report", str(tmp_path)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == f"error: {tmp_path} is not a run directory: it has no study.yaml\n"


@pytest.mark.parametrize("name", ["index.html", "report.md", "tables/comparison.csv"])
def test_a_folder_in_the_place_of_a_page_is_named_before_anything_is_written(
    finished_run: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (finished_run / "report" / name).mkdir(parents=True)
    before = sorted(finished_run.rglob("*"))
    assert main([str(finished_run)]) == 2
    assert f"error: {finished_run / 'report' / name} is a folder, but" in capsys.readouterr().err
    assert sorted(finished_run.rglob("*")) == before


@pytest.mark.parametrize("name", ["benchmark.json", "ledger/search/rte-6-ft/trial-0000/end.json"])
def test_a_pipe_among_the_files_of_a_run_does_not_stop_the_report(
    finished_run: Path, name: str
) -> None:
    (finished_run / name).unlink(missing_ok=True)
    os.mkfifo(finished_run / name)
    assert main([str(finished_run)]) == 0
    assert "it is a pipe or a device" in (finished_run / "report" / "report.md").read_text()


def test_the_analysis_needs_neither_torch_nor_ray() -> None:
    code = (
        "import sys, analysis.pages; "
        "print({'torch', 'transformers', 'ray', 'study'} & {*sys.modules})"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert done.stdout == "set()\n"


def test_the_command_ends_with_2_for_a_study_without_any_trial(
    fake: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(fake.path)]) == 2
    shown = capsys.readouterr()
    assert "holds no trial yet" in shown.err and "not finished: 17 of 17" in shown.out
    assert "Not finished: 17 of 17" in (fake.path / "report" / "report.md").read_text()


def test_the_command_ends_with_0_for_a_study_in_which_all_failed(fake: FakeRun) -> None:
    for number in range(2):
        fake.trial("teachers", "rte", 12, "teacher", number, None, state="failed")
    assert main([str(fake.path)]) == 0
    text = (fake.path / "report" / "report.md").read_text()
    assert "teachers: RTE, 12 layers, Teacher: 0 of 2 trials, 2 failed" in text


@pytest.mark.parametrize("command", ["report", "choose", "submission", "export_optuna"])
def test_the_options_of_each_command_load_without_heavy_packages(command: str) -> None:
    code = (
        f"import sys, analysis.{command} as command; command.parser(); "
        "print({'pandas', 'matplotlib', 'optuna', 'jinja2', 'torch'} & {*sys.modules})"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert done.stdout == "set()\n", done.stderr
