import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from analysis.report import build_report, comparison_text, main
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import FakeRun


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A small run in which every planned trial ended."""
    budget = {
        "teacher_trials": 1,
        "search_trials": {"ft": 1, "pkd-skip": 1},
        "confirm_seeds": 2,
        "epochs": 1,
    }
    fake = FakeRun(tmp_path / "run", depths=[6], methods=["ft", "pkd-skip"], budget=budget)
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.7)
    for method, score in (("ft", 0.60), ("pkd-skip", 0.65)):
        fake.trial("search", "rte", 6, method, 0, score + 0.1)
        for seed in range(2):
            fake.trial("confirm", "rte", 6, method, seed, score)
    return fake.path


def test_a_finished_run_gets_the_whole_report(finished: Path) -> None:
    report = build_report(finished)
    assert report == finished / "report" / "report.md"
    names = {str(path.relative_to(report.parent)) for path in report.parent.rglob("*.*")}
    tables = ["comparison", "published", "best-settings", "budget", "budget-by-method"]
    assert names >= {f"tables/{name}.{kind}" for name in tables for kind in ("md", "csv")}
    assert names >= {"index.html", "plots/methods.png", "plots/ablation-beta.csv"}
    text = report.read_text()
    assert "**65.0 ± 0.0 (2)**" in text
    assert "bert-base-uncased, 12 layers of 768" in text and "0123456789abcdef" in text
    assert "python study/run.py --tasks rte" in text and "torch 2.13.0" in text
    assert "Nothing: every planned trial ended without failing." in text
    for line in text.splitlines():
        if line.startswith("!["):
            assert (report.parent / line.rpartition("(")[2].rstrip(")")).is_file()


@pytest.mark.parametrize("trials", [9, 10])
def test_the_report_says_why_importance_is_not_drawn(fake: FakeRun, trials: int) -> None:
    for number in range(trials):
        settings = {"learning_rate": 1e-5 * (1 + number), "beta": 10.0 * (1 + number % 3)}
        score = 0.5 + number / 100
        fake.trial("search", "rte", 6, "pkd-skip", number, score, **settings)
    report = build_report(fake.path)
    drawn = (report.parent / "plots" / "importance.png").is_file()
    assert drawn is (trials == 10)
    for path in (report, report.with_name("index.html")):
        assert ("it takes a cell with 10 search trials" in path.read_text()) is not drawn


def test_the_report_says_how_many_teachers_teach_together(tmp_path: Path) -> None:
    teacher = {"name": "a", "layers": 12, "hidden": 768, "ensemble": {"rte": 3}}
    fake = FakeRun(tmp_path / "run", depths=[6], methods=["kd"], teacher=teacher)
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.7)
    text = build_report(fake.path).read_text()
    assert "a, 12 layers of 768; 3 of a task teach together" in text
    assert "3 teachers of one task" in text  # a departure from the paper


def test_the_page_holds_its_pictures_and_asks_the_network_for_nothing(finished: Path) -> None:
    report = build_report(finished)
    page = report.with_name("index.html").read_text()
    sources: list[str] = []

    class Links(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            wanted = ("src", "href")
            sources.extend(value or "" for name, value in attributes if name in wanted)

    Links().feed(page)
    images = sum(source.startswith("data:image/png;base64,") for source in sources)
    assert images == len([*report.parent.glob("plots/*.png")]) > 0
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert "<b>65.0 ± 0.0 (2)</b>" in page and "viewport" in page
    assert "<code>python -m pkd.benchmark" in page and "`" not in page


def test_generated_data_are_announced_everywhere(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, generated_data=True)
    report = build_report(tmp_path)
    warning = "The numbers say nothing about GLUE"
    assert warning in report.read_text().partition("## What was run")[0]
    assert warning in report.with_name("index.html").read_text()
    assert warning in (report.parent / "tables" / "comparison.md").read_text()
    assert warning in comparison_text(load_run(fake.path))


def test_real_data_are_not_called_generated(finished: Path) -> None:
    assert "GENERATED" not in build_report(finished).with_name("index.html").read_text()


def test_a_run_that_has_just_begun_says_what_is_missing(fake: FakeRun) -> None:
    text = build_report(fake.path).read_text()
    assert "Not finished: 17 of 17" in text
    assert "- teachers: RTE, 12 layers, Teacher: 0 of 2 trials" in text
    assert "Nothing to draw yet" in text


def test_a_run_whose_first_trial_has_begun_and_reported_nothing(fake: FakeRun) -> None:
    fake.trial("teachers", "rte", 12, "teacher", 0, None, state="unfinished", epochs=0)
    text = build_report(fake.path).read_text()
    assert "teachers: RTE, 12 layers, Teacher: 0 of 2 trials" in text


def test_failures_and_damaged_files_are_in_the_report(fake: FakeRun) -> None:
    fake.trial("search", "rte", 6, "ft", 0, None, state="failed")
    folder = fake.trial("search", "rte", 6, "ft", 1, 0.6)
    (folder / "end.json").write_text("{")
    report = build_report(fake.path)
    for text in (report.read_text(), report.with_name("index.html").read_text()):
        assert "trial-0000: RuntimeError: the loss is nan" in text
        assert "ledger/search/rte-6-ft/trial-0001/end.json is damaged" in text


def test_names_from_the_study_are_escaped_in_the_page(tmp_path: Path) -> None:
    FakeRun(tmp_path, name="<script>alert(1)</script>")
    assert "<script>" not in build_report(tmp_path).with_name("index.html").read_text()


def test_the_command_prints_the_comparison_and_where_the_files_are(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(finished)]) == 0
    out = capsys.readouterr().out
    assert "65.0 ± 0.0 (2) *" in out and str(finished / "report" / "index.html") in out


def test_the_command_ends_with_2_and_one_line_for_what_is_no_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "analysis.report", str(tmp_path)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == f"error: {tmp_path} is not a run directory: it has no study.yaml\n"


def test_the_analysis_needs_neither_torch_nor_ray() -> None:
    code = "import sys, analysis.report; print({'torch', 'transformers', 'ray', 'study'} & {*sys.modules})"
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


def test_a_clock_that_was_set_back_takes_no_time_from_the_study(fake: FakeRun) -> None:
    # An hour, then two days back, then half an hour.
    times = [1e9, 1e9 + 3600, 1e9 - 169_200, 1e9 - 167_400]
    reports = [{"time": time} for time in times]
    fake.trial("search", "rte", 6, "kd", 0, 0.6, epochs=4, reports=reports)
    text = build_report(fake.path).read_text()
    assert "1.50 hours from the first report to the last" in text
