from pathlib import Path

import pytest

from analysis.labels import SETTINGS
from analysis.plots.importance import importance_figure, plots
from analysis.run_data.runs import load_run
from analysis.search_history.importance import importance
from tests.support.runs.fake_run import FakeRun
from tests.support.runs.searched_run import SPACE, search


@pytest.fixture
def study(tmp_path: Path) -> FakeRun:
    return FakeRun(tmp_path / "run", config={"search": {"space": SPACE}})


def test_the_figure_leaves_missing_hyperparameters_blank(study: FakeRun) -> None:
    search(study, "ft", weight="learning_rate")
    search(study, "kd")
    search(study, "pkd-skip", count=3)
    run = load_run(study.path)
    settings = [name for name in SETTINGS if name in SPACE]
    figure = importance_figure(importance(run), settings, ["rte"], [6])
    [axes] = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["RTE  FT", "RTE  KD", "RTE  PKD-Skip"]
    texts: dict[int, list[str]] = {0: [], 1: [], 2: []}
    for text in axes.texts:
        texts[int(text.get_position()[1])].append(text.get_text())
    assert texts[0] == ["– only the learning rate varied"]
    assert len(texts[1]) == 4  # three hyperparameters and the fit, nothing for beta
    assert texts[2] == ["– 3 ended trials, needs 10"]
    assert len(axes.patches) == 3
    assert axes.get_xticklabels()[-1].get_text() == "R²"


def test_a_cell_without_trials_says_so_in_the_figure(study: FakeRun) -> None:
    search(study, "kd")
    study.trial("search", "rte", 3, "ft", 0, 0.6)
    [plot] = plots(load_run(study.path))
    texts = [text.get_text() for axes in plot.figure.axes for text in axes.texts]
    assert texts.count("– no trials yet") == 2  # FT of 6 layers, KD of 3


def test_of_many_cells_the_first_are_computed_and_the_caption_says_so(tmp_path: Path) -> None:
    own = {
        f"task{i:02d}": {"metrics": ["accuracy"], "dev_splits": ["dev"], "labels": ["a", "b"]}
        for i in range(10)
    }
    fake = FakeRun(tmp_path, (), own, config={"search": {"space": SPACE}})
    for task in own:
        fake.trial("search", task, 6, "kd", 0, 0.6)
    for number in range(1, 11):
        settings = {"alpha": number / 11, "temperature": 2.0 + number}
        fake.trial("search", "task00", 6, "kd", number, 0.5 + number / 100, **settings)
    [plot] = plots(load_run(tmp_path))
    assert "Computed for 4 of 10 tasks and 1 of 1 depths only" in plot.caption
    assert plot.numbers["task"].nunique() == 4
