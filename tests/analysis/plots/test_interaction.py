from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.plots.interaction import interaction_figure, means, plots
from analysis.results.settings import interaction
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import FakeRun

PAIR = ("temperature", "alpha")


def searched(fake: FakeRun, task: str = "rte") -> None:
    """Two trials of each of four choices; at (10, 0.7) the score is 8 points higher."""
    choices = [(t, a) for t in (5.0, 10.0) for a in (0.2, 0.7)] * 2
    for number, (temperature, alpha) in enumerate(choices):
        score = 0.68 if (temperature, alpha) == (10.0, 0.7) else 0.6
        settings = {"temperature": temperature, "alpha": alpha}
        fake.trial("search", task, 6, "kd", number, score, **settings)


def test_means_are_means_of_centred_scores(fake: FakeRun) -> None:
    searched(fake)
    table = means(interaction(load_run(fake.path), *PAIR), *PAIR)
    # The mean of the cell is 62.
    assert table.loc[0.2].tolist() == pytest.approx([-2.0, -2.0])
    assert table.loc[0.7].tolist() == pytest.approx([-2.0, 6.0])
    assert table.columns.tolist() == [5.0, 10.0]


def test_choices_make_a_heat_map_with_its_numbers(fake: FakeRun) -> None:
    searched(fake)
    figure = interaction_figure(interaction(load_run(fake.path), *PAIR), *PAIR, ["rte"])
    panel = figure.axes[0]
    assert [text.get_text() for text in panel.texts] == ["-2.0", "-2.0", "-2.0", "+6.0"]
    assert [label.get_text() for label in panel.get_xticklabels()] == ["5", "10"]


def test_a_combination_that_was_not_tried_is_left_blank(fake: FakeRun) -> None:
    for number, alpha in enumerate((0.2, 0.2, 0.7, 0.7)):
        fake.trial("search", "rte", 6, "kd", number, 0.6, temperature=20 - 10 * alpha, alpha=alpha)
    figure = interaction_figure(interaction(load_run(fake.path), *PAIR), *PAIR, ["rte"])
    assert len(figure.axes[0].texts) == 2


def test_ranges_give_marks_whose_shape_shows_the_sign(fake: FakeRun) -> None:
    for number in range(9):
        alpha, temperature = 0.1 * (number + 1), 2.0 + number**2
        score = 0.5 + 0.01 * number
        fake.trial("search", "rte", 6, "kd", number, score, alpha=alpha, temperature=temperature)
    figure = interaction_figure(interaction(load_run(fake.path), *PAIR), *PAIR, ["rte"])
    below, above = figure.axes[0].collections
    assert len(np.asarray(below.get_offsets())) == 4  # the fifth equals the mean
    assert len(np.asarray(above.get_offsets())) == 5
    [legend] = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["above its cell's mean", "below its cell's mean"]


def test_several_tasks_have_a_panel_for_all_of_them(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("rte", "mrpc"))
    for task in ("rte", "mrpc"):
        searched(fake, task)
    [plot] = plots(load_run(tmp_path))
    assert plot.name == "interaction-temperature-alpha"
    titles = [axes.get_title() for axes in plot.figure.axes[:3]]
    assert titles == ["RTE", "MRPC", "all tasks"]
    plot.write(tmp_path)
    assert len(pd.read_csv(tmp_path / f"{plot.name}.csv")) == 16


def test_hyperparameters_that_did_not_vary_are_not_drawn(fake: FakeRun) -> None:
    for number in range(4):
        fake.trial("search", "rte", 6, "pkd-skip", number, 0.6, alpha=0.1 * number)
    assert list(plots(load_run(fake.path))) == []
