from pathlib import Path

import numpy as np
import pandas as pd

from analysis.plots import write_plots
from analysis.plots.methods import methods_figure
from analysis.results.settings import scores_by_method
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import FakeRun


def test_each_hyperparameter_gets_a_picture_and_its_numbers(fake: FakeRun) -> None:
    for depth in (6, 3):
        for number, alpha in enumerate([0.2, 0.7]):
            fake.trial("search", "rte", depth, "kd", number, 0.6, alpha=alpha)
        fake.trial("search", "rte", depth, "pkd-last", 0, 0.6, state="stopped", normalize=False)
    fake.trial("confirm", "rte", 6, "kd", 0, 0.61)
    drawn = [plot.name for plot in write_plots(load_run(fake.path), fake.path)]
    settings = ["learning_rate", "temperature", "alpha", "beta", "normalize"]
    assert drawn[0] == "methods" and {f"ablation-{name}" for name in settings} < {*drawn}
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


def test_the_teacher_is_a_line_in_each_tasks_panel(fake: FakeRun) -> None:
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.7)
    fake.trial("confirm", "rte", 6, "kd", 0, 0.6)
    [axes] = methods_figure(scores_by_method(load_run(fake.path)), ["rte"]).axes
    assert [70.0, 70.0] in [np.asarray(line.get_ydata()).tolist() for line in axes.get_lines()]
