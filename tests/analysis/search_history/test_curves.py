"""The numbers of the learning curves."""

from pathlib import Path

import pytest

from tests.support.runs.curve_run import confirm, part, report
from tests.support.runs.fake_run import FakeRun


def test_seeds_are_averaged_step_by_step_in_percent(fake: FakeRun) -> None:
    for seed, shift in enumerate([0.0, 0.01, 0.05]):
        confirm(fake, seed, shift=shift)
    train, dev = part(fake.path, "train"), part(fake.path, "dev")
    assert train["step"].tolist() == [5, 10, 15, 20] and dev["step"].tolist() == [10, 20]
    assert dev["mean"].tolist() == pytest.approx([57, 67])
    assert dev["low"].tolist() == pytest.approx([55, 65])
    assert dev["high"].tolist() == pytest.approx([60, 70])
    assert train["mean"].tolist() == pytest.approx([52, 62, 72, 82])
    assert set(train["n"]) == {3}


def test_only_confirmed_students_and_the_teacher_have_curves(fake: FakeRun) -> None:
    confirm(fake, 0)
    confirm(fake, 1, shift=0.2, state="unfinished")
    confirm(fake, 2, shift=0.2, state="failed")
    fake.trial("search", "rte", 6, "kd", 0, 0.9, reports=[report(10, (0.9, 0.9), 0.9)])
    for number, score in enumerate([0.8, 0.7]):  # the better trial is the teacher
        reports = [report(10, (score, score), score)]
        fake.trial("teachers", "rte", 12, "teacher", number, score, reports=reports)
    assert part(fake.path, "dev")["mean"].tolist() == pytest.approx([55, 65])
    assert part(fake.path, "dev", "teacher")["mean"].tolist() == pytest.approx([80])


def test_reports_of_older_versions_have_one_point_per_epoch(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, config={"train": {"batch_size": 32}})
    reports = [{"train_accuracy": 0.75}, {"train_accuracy": 0.85}]
    fake.trial("confirm", "rte", 6, "kd", 0, 0.6, epochs=2, reports=reports)
    train = part(tmp_path, "train")
    assert train["step"].tolist() == [78, 156]  # 2,490 rows in batches of 32
    assert train["mean"].tolist() == pytest.approx([75, 85])
