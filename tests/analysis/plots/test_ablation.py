from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.plots.ablation import ablation_figure, plots
from analysis.results.settings import ablation
from analysis.run_data.runs import Run, load_run
from analysis.search_history.ablation_lines import POOLED, ablation_numbers
from tests.support.runs.fake_run import FakeRun


def drawn(run: Run, setting: str, tasks: list[str], depths: list[int]) -> list[Axes]:
    numbers = ablation_numbers(ablation(run, setting), setting, tasks)
    return ablation_figure(numbers, setting, tasks, depths).axes


def test_an_ablation_has_a_row_per_task_and_a_column_per_depth(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("rte", "mrpc"))
    for task in ("rte", "mrpc"):
        for depth in (6, 3):
            fake.trial("search", task, depth, "ft", 0, 0.6)
    axes = drawn(load_run(tmp_path), "learning_rate", ["rte", "mrpc"], [6, 3])
    titles = [panel.get_title() for panel in axes]
    assert titles == ["RTE, 6 layers", "RTE, 3 layers", "MRPC, 6 layers", "MRPC, 3 layers"]


def test_the_last_row_pools_the_tasks_at_their_centred_scores(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("rte", "mrpc"))
    for task, base in (("rte", 0.5), ("mrpc", 0.8)):
        for number in range(2):
            fake.trial("search", task, 6, "kd", number, base + 0.1 * number, alpha=0.2 + number)
    axes = drawn(load_run(tmp_path), "alpha", ["rte", "mrpc"], [6])
    assert [panel.get_title() for panel in axes][-1] == "all tasks, 6 layers"
    heights = np.concatenate([np.asarray(c.get_offsets())[:, 1] for c in axes[-1].collections])
    assert np.round(sorted(heights), 6).tolist() == [-5.0, -5.0, 5.0, 5.0]
    assert axes[-1].get_ylabel() == "score minus mean of\nits cell (points)"


def test_depth_has_one_panel_per_task_from_deep_to_shallow(fake: FakeRun) -> None:
    for depth in (6, 3):
        fake.trial("search", "rte", depth, "kd", 0, 0.6)
    [axes] = drawn(load_run(fake.path), "depth", ["rte"], [6, 3])
    assert axes.get_title() == "RTE"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["6", "3"]


def test_a_line_over_skip_and_last_connects_the_methods(fake: FakeRun) -> None:
    for method, score in (("pkd-skip", 0.66), ("pkd-last", 0.60)):
        for number in range(5):
            fake.trial("search", "rte", 6, method, number, score + number / 1000)
    run = load_run(fake.path)
    numbers = ablation_numbers(ablation(run, "strategy"), "strategy", ["rte"])
    medians = numbers[numbers["mark"] == "median"]
    assert medians["value"].tolist() == ["last", "skip"]
    assert medians["score"].round(6).tolist() == [60.2, 66.2]
    [axes] = drawn(run, "strategy", ["rte"], [6])
    assert [np.asarray(line.get_xdata()).tolist() for line in axes.get_lines()] == [[0, 1]] * 2


def test_a_range_is_logarithmic_and_choices_are_side_by_side(fake: FakeRun) -> None:
    for number in range(10):
        fake.trial("search", "rte", 6, "pkd-skip", number, 0.6, beta=10.0 * 1.5**number)
    run = load_run(fake.path)
    [axes] = drawn(run, "beta", ["rte"], [6])
    assert axes.get_xscale() == "log"
    [axes] = drawn(run, "alpha", ["rte"], [6])  # always 0.5
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.5"]


def test_a_beta_of_zero_can_be_drawn(fake: FakeRun) -> None:
    for number, beta in enumerate([0.0, 10.0, 100.0]):
        fake.trial("search", "rte", 6, "pkd-skip", number, 0.6, beta=beta)
    [axes] = drawn(load_run(fake.path), "beta", ["rte"], [6])
    assert axes.get_xscale() == "symlog"


def test_depth_and_strategy_are_drawn_if_the_study_searched_them(tmp_path: Path) -> None:
    one = FakeRun(tmp_path / "one")
    one.trial("search", "rte", 6, "pkd-skip", 0, 0.6)
    names = [plot.name for plot in plots(load_run(one.path))]
    assert "ablation-depth" not in names and "ablation-strategy" not in names
    two = FakeRun(tmp_path / "two")
    for depth in (6, 3):
        two.trial("search", "rte", depth, "pkd-skip", 0, 0.6)
        two.trial("search", "rte", depth, "pkd-last", 0, 0.6)
    names = [plot.name for plot in plots(load_run(two.path))]
    assert names[-2:] == ["ablation-depth", "ablation-strategy"]


def test_of_many_tasks_the_first_are_drawn_and_all_are_pooled(tmp_path: Path) -> None:
    own = {
        f"task{i:02d}": {"metrics": ["accuracy"], "dev_splits": ["dev"], "labels": ["a", "b"]}
        for i in range(12)
    }
    fake = FakeRun(tmp_path, (), own)
    for task in own:
        for number in range(2):
            fake.trial("search", task, 6, "ft", number, 0.6, learning_rate=1e-5 * (1 + number))
    [plot] = plots(load_run(tmp_path))
    assert "the first 4 of 12 tasks; trials.csv holds all" in plot.caption
    titles = [axes.get_title() for axes in plot.figure.axes]
    assert titles == [*(f"task{i:02d}, 6 layers" for i in range(4)), f"{POOLED}, 6 layers"]
    assert plot.numbers["task"].nunique() == 5  # with what is pooled
    assert (plot.numbers["mark"] == "trial").sum() == 8
    pooled = plot.numbers[plot.numbers["task"] == POOLED]
    assert pooled["trials"].tolist() == [12] * len(pooled)


def test_the_numbers_go_through_a_file(fake: FakeRun) -> None:
    for number in range(6):
        fake.trial("search", "rte", 6, "pkd-skip", number, 0.6, normalize=number < 3)
    plot = next(p for p in plots(load_run(fake.path)) if p.name == "ablation-normalize")
    plot.write(fake.path)
    table = pd.read_csv(fake.path / "ablation-normalize.csv")
    assert table["value"].tolist() == [True] * 3 + [False] * 3
    assert table["mark"].unique().tolist() == ["trial"]
