"""All plots of the report."""

from pathlib import Path

import pandas as pd

from analysis.plots.all_plots import write_plots
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import FakeRun


def test_each_hyperparameter_has_a_figure_and_its_numbers(fake: FakeRun) -> None:
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


def test_an_empty_run_has_no_plots(fake: FakeRun) -> None:
    assert write_plots(load_run(fake.path), fake.path) == []


def test_generated_data_are_announced_in_every_figure(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, generated_data=True)
    fake.trial("search", "rte", 6, "kd", 0, 0.6)
    plots = write_plots(load_run(tmp_path), tmp_path)
    assert plots
    for plot in plots:
        assert "<!-- GENERATED DATA -->" in (tmp_path / f"{plot.name}.svg").read_text()
        assert "GENERATED" not in plot.title


def test_the_same_numbers_give_the_same_files(fake: FakeRun) -> None:
    fake.trial("search", "rte", 6, "kd", 0, 0.6)
    run, twice = load_run(fake.path), []
    for _ in range(2):
        names = [plot.name for plot in write_plots(run, fake.path)]
        files = [fake.path / f"{name}.{kind}" for name in names for kind in ("png", "svg", "csv")]
        twice.append([path.read_bytes() for path in files])
    assert twice[0] == twice[1]
