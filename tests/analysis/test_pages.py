"""The pages of the report."""

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from analysis.pages import build_report
from analysis.run_data.runs import load_run
from analysis.tables.terminal import comparison_text
from tests.support.runs.costed_run import BASE
from tests.support.runs.fake_benchmark import write_benchmark
from tests.support.runs.fake_run import FakeRun


def test_a_finished_run_gets_the_whole_report(finished_run: Path) -> None:
    report = build_report(finished_run)
    assert report == finished_run / "report" / "report.md"
    names = {str(path.relative_to(report.parent)) for path in report.parent.rglob("*.*")}
    tables = ["comparison", "published", "best-settings", "budget", "budget-by-method"]
    assert names >= {f"tables/{name}.{kind}" for name in tables for kind in ("md", "csv")}
    assert names >= {"index.html", "plots/methods.png", "plots/ablation-beta.csv"}
    text = report.read_text()
    assert "**65.0 ± 0.0 (2)**" in text
    assert "bert-base-uncased, 12 layers of 768" in text and "0123456789abcdef" in text
    assert "python study/run.py --tasks rte" in text and "torch 2.13.0" in text
    assert "Nothing is missing: every planned trial ended without failing." in text
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
        assert ("it needs a cell with 10 ended search trials" in path.read_text()) is not drawn


def test_the_page_holds_its_images_and_loads_nothing_else(finished_run: Path) -> None:
    report = build_report(finished_run)
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
    assert "<code>pkd-study benchmark" in page and "`" not in page


def test_generated_data_are_announced_everywhere(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, generated_data=True)
    report = build_report(tmp_path)
    warning = "The numbers say nothing about GLUE"
    assert warning in report.read_text().partition("## What was run")[0]
    assert warning in report.with_name("index.html").read_text()
    assert warning in (report.parent / "tables" / "comparison.md").read_text()
    assert warning in comparison_text(load_run(fake.path))


def test_real_data_are_not_called_generated(finished_run: Path) -> None:
    assert "GENERATED" not in build_report(finished_run).with_name("index.html").read_text()


def test_a_run_that_has_just_begun_says_what_is_missing(fake: FakeRun) -> None:
    text = build_report(fake.path).read_text()
    assert "Not finished: 17 of 17" in text
    assert "- teachers: RTE, 12 layers, Teacher: 0 of 2 trials" in text
    assert "There is no plot yet" in text


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
        assert "ledger/search/rte-6-ft/trial-0001/end.json is not used: " in text


def test_names_and_notes_from_the_study_are_escaped(tmp_path: Path) -> None:
    tag = "<script>alert(1)</script>"
    label = {"metrics": [f"f1:{tag}"], "dev_splits": ["dev"], "labels": [tag, "a|b"]}
    FakeRun(tmp_path, (), own_tasks={"tickets": {**label, "notes": [f"label {tag}"]}}, name=tag)
    report = build_report(tmp_path)
    assert "<script>" not in report.with_name("index.html").read_text()
    assert "<script>" not in report.read_text().partition("## How to repeat")[0]


def test_notes_on_the_data_are_on_both_pages(tmp_path: Path) -> None:
    about = {"metrics": ["accuracy"], "dev_splits": ["dev"], "labels": ["ok", "bug"]}
    notes = ["3 of 100 training rows have no text (row 7)", "2 duplicated rows"]
    report = build_report(
        FakeRun(tmp_path, (), own_tasks={"tickets": about | {"notes": notes}}).path
    )
    text = report.read_text()
    assert "\n- tickets: 3 of 100 training rows have no text (row 7)\n" in text
    page = report.with_name("index.html").read_text()
    assert '<h2 id="data">' in page and "<li>tickets: 2 duplicated rows</li>" in page


def test_a_study_without_notes_has_no_section_for_them(finished_run: Path) -> None:
    report = build_report(finished_run)
    for page in (report, report.with_name("index.html")):
        assert "Notes on the data" not in page.read_text()


def test_a_caption_is_there_once_beside_an_image_with_a_title(finished_run: Path) -> None:
    report = build_report(finished_run)
    for page in (report, report.with_name("index.html")):
        text = page.read_text()
        assert text.count("Search progress: the best dev score so far of each cell") == 1
        assert text.count("Methods and depths: mean and standard deviation of the dev score") == 1
    title = "Best dev score so far (%) against device time"
    assert f"![{title}](plots/progress.png)" in report.read_text()
    assert f'alt="{title}"' in report.with_name("index.html").read_text()


@pytest.mark.parametrize(
    ("teacher", "students"),
    [
        (0.0, [0.0, 0.0]),
        (0.0, [0.6, 0.7]),
        (math.nan, [0.6, 0.7]),
        (0.7, [math.nan, 0.7]),
        (math.nan, [math.nan, math.nan]),
        (-0.1, [0.05, -0.05]),
        (0.7, [0.7, 0.7]),
        (0.7, [0.7]),
    ],
)
def test_no_page_shows_a_number_that_is_none(
    tmp_path: Path, teacher: float, students: list[float]
) -> None:
    about = {"metrics": ["mcc"], "dev_splits": ["dev"], "labels": ["ok", "bug"]}
    budget = {"teacher_trials": 1, "search_trials": {"ft": 1, "kd": 1}, "epochs": 1}
    study = {"depths": [6], "methods": ["ft", "kd"], "teacher": BASE}
    study["budget"] = {**budget, "confirm_seeds": len(students)}
    fake = FakeRun(tmp_path / "run", (), own_tasks={"tickets": about}, **study)
    fake.trial("teachers", "tickets", 12, "teacher", 0, {"dev": {"mcc": teacher}})
    for method in ("ft", "kd"):
        fake.trial("search", "tickets", 6, method, 0, {"dev": {"mcc": students[0]}})
        for seed, score in enumerate(students):
            fake.trial("confirm", "tickets", 6, method, seed, {"dev": {"mcc": score}})
    write_benchmark(fake.path, tasks=("tickets",))
    text = build_report(fake.path).read_text() + comparison_text(load_run(fake.path))
    assert not re.findall(r"\b(?:nan|NaN|inf|None|NaT|NA)\b", text)


def test_the_report_holds_the_trial_tables(fake: FakeRun) -> None:
    folder = build_report(fake.path).parent
    assert {path.name for path in folder.glob("*.*")} >= {
        *("trials.parquet", "trials.csv", "epochs.parquet", "epochs.csv")
    }
