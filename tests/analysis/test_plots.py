from pathlib import Path

import numpy as np
import pandas as pd
from fake_run import FakeRun

from analysis.plots import write_plots
from analysis.plots.ablation import ablation_figure
from analysis.plots.methods import methods_figure
from analysis.runs import load_run
from analysis.settings import ablation, scores_by_method


def test_each_hyperparameter_gets_a_picture_and_its_numbers(fake: FakeRun) -> None:
    for depth in (6, 3):
        for number, alpha in enumerate([0.2, 0.7]):
            fake.trial("search", "rte", depth, "kd", number, 0.6, alpha=alpha)
        fake.trial("search", "rte", depth, "pkd-last", 0, 0.6, state="stopped", normalize=False)
    fake.trial("confirm", "rte", 6, "kd", 0, 0.61)
    drawn = [plot.name for plot in write_plots(load_run(fake.path), fake.path)]
    settings = ["learning_rate", "temperature", "alpha", "beta", "normalize"]
    assert drawn == ["methods", *(f"ablation-{name}" for name in settings)]
    for name in drawn:
        assert (fake.path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "</svg>" in (fake.path / f"{name}.svg").read_text()
    alphas = pd.read_csv(fake.path / "ablation-alpha.csv")
    assert sorted(alphas["value"]) == [0.2, 0.2, 0.5, 0.5, 0.7, 0.7]
    assert pd.read_csv(fake.path / "methods.csv")["mean"].tolist() == [61.0]


def test_nothing_is_drawn_of_an_empty_run(fake: FakeRun) -> None:
    assert write_plots(load_run(fake.path), fake.path) == []


def test_generated_data_are_announced_in_every_picture(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, generated_data=True)
    fake.trial("search", "rte", 6, "kd", 0, 0.6)
    plots = write_plots(load_run(tmp_path), tmp_path)
    assert plots and all("GENERATED DATA" in plot.figure.get_suptitle() for plot in plots)


def test_an_ablation_has_a_row_per_task_and_a_column_per_depth(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("rte", "mrpc"))
    for task in ("rte", "mrpc"):
        for depth in (6, 3):
            fake.trial("search", task, depth, "ft", 0, 0.6)
    points = ablation(load_run(tmp_path), "learning_rate")
    figure = ablation_figure(points, "learning_rate", ["rte", "mrpc"])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["RTE, 6 layers", "RTE, 3 layers", "MRPC, 6 layers", "MRPC, 3 layers"]


def test_a_searched_range_is_logarithmic_and_a_grid_is_set_side_by_side(fake: FakeRun) -> None:
    for number in range(10):
        fake.trial("search", "rte", 6, "pkd-skip", number, 0.6, beta=10.0 * 1.5**number)
    run = load_run(fake.path)
    [axes] = ablation_figure(ablation(run, "beta"), "beta", ["rte"]).axes
    assert axes.get_xscale() == "log"
    [axes] = ablation_figure(ablation(run, "alpha"), "alpha", ["rte"]).axes  # always 0.5
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.5"]


def test_a_beta_of_zero_can_be_drawn(fake: FakeRun) -> None:
    for number, beta in enumerate([0.0, 10.0, 100.0]):
        fake.trial("search", "rte", 6, "pkd-skip", number, 0.6, beta=beta)
    [axes] = ablation_figure(ablation(load_run(fake.path), "beta"), "beta", ["rte"]).axes
    assert axes.get_xscale() == "symlog"


def test_the_teacher_is_a_line_in_each_tasks_panel(fake: FakeRun) -> None:
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.7)
    fake.trial("confirm", "rte", 6, "kd", 0, 0.6)
    [axes] = methods_figure(scores_by_method(load_run(fake.path)), ["rte"]).axes
    assert [70.0, 70.0] in [np.asarray(line.get_ydata()).tolist() for line in axes.get_lines()]
