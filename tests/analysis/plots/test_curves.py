from pathlib import Path

import numpy as np
import pytest

from analysis.plots.all_plots import write_plots
from analysis.plots.curves import curves_figure, plots
from analysis.run_data.runs import load_run
from analysis.search_history.curves import curves
from tests.support.runs.curve_run import part, report
from tests.support.runs.fake_run import FakeRun


def test_dev_is_the_accuracy_or_else_the_first_metric(tmp_path: Path) -> None:
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


def test_reports_with_unknown_steps_are_not_drawn(fake: FakeRun) -> None:
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


def test_of_many_tasks_the_first_are_drawn_and_the_caption_says_so(
    tmp_path: Path,
) -> None:
    about = {"metrics": ["accuracy"], "dev_splits": ["validation"]}
    tasks = {f"task{i}": about for i in range(12)}
    fake = FakeRun(tmp_path, (), own_tasks=tasks)
    for task in tasks:
        fake.trial("confirm", task, 6, "ft", 0, 0.6, reports=[report(10, (0.5, 0.6), 0.7)])
    _, dev = plots(load_run(tmp_path))
    assert len(dev.figure.axes) == dev.numbers["task"].nunique() == 4
    assert "the first 4 of 12 tasks; epochs.parquet holds all" in dev.caption


def test_depths_share_an_axis_that_holds_all_their_scores(fake: FakeRun) -> None:
    for depth, score in ((6, 0.9), (3, 0.4)):
        reports = [report(10, (0.5, 0.6), score)]
        fake.trial("confirm", "rte", depth, "ft", 0, score, reports=reports)
    _, dev = plots(load_run(fake.path))
    limits = {axes.get_ylim() for axes in dev.figure.axes}
    assert len(limits) == 1
    low, high = limits.pop()
    assert low < 40 and high > 90


@pytest.mark.parametrize("label", ["$5-$10", "$x_$", "\\frac$a$", "%s_{&"])
def test_a_label_may_hold_any_character(tmp_path: Path, label: str) -> None:
    about = {"metrics": [f"f1:{label}"], "dev_splits": ["dev"], "labels": [label, "other"]}
    fake = FakeRun(tmp_path, (), own_tasks={"prices": about})
    reports = [{**report(10, (0.5, 0.6), 0.7), "metrics": {"dev": {f"f1:{label}": 0.7}}}]
    fake.trial("confirm", "prices", 6, "ft", 0, 0.6, reports=reports)
    _, dev = plots(load_run(tmp_path))
    assert dev.figure.axes[0].get_ylabel() == f"dev F1 ({label}) (× 100)"
    write_plots(load_run(tmp_path), tmp_path)
    assert (tmp_path / "curves-dev.png").is_file()
