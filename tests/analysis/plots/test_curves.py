from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.plots.canvas import MAX_TASKS
from analysis.plots.curves import curves, curves_figure, plots
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import FakeRun


def report(step: int, train: tuple[float, float], dev: float, **metrics: float) -> dict[str, Any]:
    """One epoch of two curve points; `step` is the epoch's last."""
    curve = [
        {"step": step - 5, "loss": 1.0, "accuracy": train[0]},
        {"step": step, "loss": 0.5, "accuracy": train[1]},
    ]
    values = metrics or {"accuracy": dev}
    return {"train_curve": curve, "score": dev, "metrics": {"validation": values}}


def confirm(
    fake: FakeRun, seed: int, method: str = "kd", shift: float = 0.0, **about: Any
) -> None:
    reports = [
        report(10, (0.5 + shift, 0.6 + shift), 0.55 + shift),
        report(20, (0.7 + shift, 0.8 + shift), 0.65 + shift),
    ]
    fake.trial("confirm", "rte", 6, method, seed, 0.65 + shift, epochs=2, reports=reports, **about)


def part(path: Path, kind: str, method: str = "kd") -> pd.DataFrame:
    numbers = curves(load_run(path))
    return numbers[(numbers["kind"] == kind) & (numbers["method"] == method)]


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


def test_only_trials_that_a_reader_is_told_of_are_drawn(fake: FakeRun) -> None:
    confirm(fake, 0)
    confirm(fake, 1, shift=0.2, state="unfinished")
    confirm(fake, 2, shift=0.2, state="failed")
    fake.trial("search", "rte", 6, "kd", 0, 0.9, reports=[report(10, (0.9, 0.9), 0.9)])
    for number, score in enumerate([0.8, 0.7]):  # the better trial taught
        reports = [report(10, (score, score), score)]
        fake.trial("teachers", "rte", 12, "teacher", number, score, reports=reports)
    assert part(fake.path, "dev")["mean"].tolist() == pytest.approx([55, 65])
    assert part(fake.path, "dev", "teacher")["mean"].tolist() == pytest.approx([80])


def test_dev_is_the_accuracy_where_a_task_has_it_else_its_first_metric(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("mrpc", "cola"))
    fake.trial(
        *("confirm", "mrpc", 6, "kd", 0, 0.8),
        reports=[report(10, (0.5, 0.6), 0.8, accuracy=0.7, f1=0.9)],
    )
    fake.trial("confirm", "cola", 6, "kd", 0, 0.4, reports=[report(10, (0.5, 0.6), 0.4, mcc=0.4)])
    dev = part(tmp_path, "dev").set_index("task")
    assert dev["metric"].to_dict() == {"mrpc": "accuracy", "cola": "mcc"}
    assert dev["mean"].to_dict() == pytest.approx({"mrpc": 70.0, "cola": 40.0})
    assert set(part(tmp_path, "train")["metric"]) == {"accuracy"}
    figure = curves_figure(part(tmp_path, "dev"), "dev", ["mrpc", "cola"], [6])
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels == ["dev accuracy (%)", "dev MCC (× 100)"]


def test_older_reports_without_a_curve_have_one_point_an_epoch(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, config={"train": {"batch_size": 32}})
    reports = [{"train_accuracy": 0.75}, {"train_accuracy": 0.85}]
    fake.trial("confirm", "rte", 6, "kd", 0, 0.6, epochs=2, reports=reports)
    train = part(tmp_path, "train")
    assert train["step"].tolist() == [78, 156]  # 2,490 rows in batches of 32
    assert train["mean"].tolist() == pytest.approx([75, 85])


def test_reports_whose_steps_are_unknown_draw_nothing(fake: FakeRun) -> None:
    fake.trial("confirm", "rte", 6, "kd", 0, 0.6)
    assert curves(load_run(fake.path)).empty and list(plots(load_run(fake.path))) == []


def test_nothing_is_drawn_before_a_student_is_confirmed(fake: FakeRun) -> None:
    assert list(plots(load_run(fake.path))) == []
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.7, reports=[report(10, (0.5, 0.6), 0.7)])
    assert list(plots(load_run(fake.path))) == []


def test_train_and_dev_are_two_plots_with_the_teacher_in_every_panel(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("rte", "mrpc"))
    for task in ("rte", "mrpc"):
        one = [report(10, (0.5, 0.6), 0.7)]
        fake.trial("teachers", task, 12, "teacher", 0, 0.7, reports=one)
        for depth in (6, 3):
            fake.trial("confirm", task, depth, "ft", 0, 0.6, reports=one)
    train, dev = plots(load_run(tmp_path))
    assert (train.name, dev.name) == ("curves-train", "curves-dev")
    for plot in (train, dev):
        titles = [axes.get_title() for axes in plot.figure.axes]
        assert titles == ["RTE, 6 layers", "RTE, 3 layers", "MRPC, 6 layers", "MRPC, 3 layers"]
        assert all(len(axes.get_lines()) == 2 for axes in plot.figure.axes)
        assert set(plot.numbers["kind"]) == {plot.name.removeprefix("curves-")}
    lines = dev.figure.axes[0].get_lines()
    assert sorted(float(np.asarray(line.get_ydata())[-1]) for line in lines) == [70.0, 70.0]


def test_many_tasks_are_cut_to_what_a_page_can_hold_and_the_caption_says_so(
    tmp_path: Path,
) -> None:
    about = {"metrics": ["accuracy"], "dev_splits": ["validation"]}
    tasks = {f"task{i}": about for i in range(12)}
    fake = FakeRun(tmp_path, (), own_tasks=tasks)
    for task in tasks:
        fake.trial("confirm", task, 6, "ft", 0, 0.6, reports=[report(10, (0.5, 0.6), 0.7)])
    _, dev = plots(load_run(tmp_path))
    assert len(dev.figure.axes) == MAX_TASKS and dev.numbers["task"].nunique() == 12
    assert f"the first {MAX_TASKS} of 12 tasks; curves-dev.csv holds all" in dev.caption


def test_depths_share_an_axis_that_holds_all_their_scores(fake: FakeRun) -> None:
    for depth, score in ((6, 0.9), (3, 0.4)):
        reports = [report(10, (0.5, 0.6), score)]
        fake.trial("confirm", "rte", depth, "ft", 0, score, reports=reports)
    _, dev = plots(load_run(fake.path))
    limits = {axes.get_ylim() for axes in dev.figure.axes}
    assert len(limits) == 1
    low, high = limits.pop()
    assert low < 40 and high > 90
