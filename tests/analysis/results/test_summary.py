"""The summary of a study in the report."""

from pathlib import Path

from analysis.pages import build_report
from tests.support.runs.fake_run import FakeRun


def test_a_clock_that_was_set_back_does_not_shorten_the_study(fake: FakeRun) -> None:
    # One hour, then two days back, then half an hour.
    times = [1e9, 1e9 + 3600, 1e9 - 169_200, 1e9 - 167_400]
    reports = [{"time": time} for time in times]
    fake.trial("search", "rte", 6, "kd", 0, 0.6, epochs=4, reports=reports)
    text = build_report(fake.path).read_text()
    assert "1.50 hours from the first report to the last" in text


def test_the_summary_holds_the_number_of_teachers(tmp_path: Path) -> None:
    teacher = {"name": "a", "layers": 12, "hidden": 768, "ensemble": {"rte": 3}}
    fake = FakeRun(tmp_path / "run", depths=[6], methods=["kd"], teacher=teacher)
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.7)
    text = build_report(fake.path).read_text()
    assert "a, 12 layers of 768; 3 teachers per task" in text
    assert "another encoder (a, not bert-base-uncased), 3 teachers per task" in text
