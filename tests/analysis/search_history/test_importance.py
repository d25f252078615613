import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.labels import SETTINGS
from analysis.plots.importance import importance_figure, plots
from analysis.run_data.runs import load_run
from analysis.search_history.importance import MIN_TRIALS, importance
from tests.support.runs.fake_run import FakeRun

SPACE: dict[str, Any] = {
    "learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
    "temperature": {"low": 2.0, "high": 20.0},
    "alpha": {"low": 0.0, "high": 1.0},
    "beta": {"low": 1.0, "high": 1000.0, "log": True},
    "normalize": [True, False],
}


@pytest.fixture
def study(tmp_path: Path) -> FakeRun:
    return FakeRun(tmp_path / "run", config={"search": {"space": SPACE}})


def search(fake: FakeRun, method: str, count: int = 16, weight: str = "alpha") -> None:
    """Random trials whose score follows one hyperparameter."""
    numbers = np.random.default_rng(0)
    for number in range(count):
        settings = {
            "learning_rate": 1e-5 * 100 ** numbers.random(),
            "temperature": 2 + 18 * numbers.random(),
            "alpha": numbers.random(),
            "beta": 1000 ** numbers.random(),
            "normalize": bool(numbers.random() < 0.5),
        }
        have = {"ft": 1, "kd": 3}.get(method, 5)
        settings = dict(list(settings.items())[:have])
        fake.trial("search", "rte", 6, method, number, 0.5 + 0.2 * settings[weight], **settings)


def shares(fake: FakeRun, method: str) -> dict[str, float]:
    table = importance(load_run(fake.path))
    table = table[table["method"] == method]
    return dict(zip(table["setting"], table["importance"], strict=True))


def test_what_decided_the_score_gets_the_credit(study: FakeRun) -> None:
    search(study, "pkd-skip", count=24)
    found = shares(study, "pkd-skip")
    assert found["alpha"] > 0.8
    assert sum(found.values()) - found["alpha"] < 0.15
    assert sum(found.values()) < 1.001  # the rest are interactions
    table = importance(load_run(study.path))
    assert table["fit"].iloc[0] > 0.5 and table["trials"].tolist() == [24] * 5
    assert table["reason"].isna().all()


def test_a_hyperparameter_is_never_credited_in_a_method_that_has_none(study: FakeRun) -> None:
    search(study, "ft", weight="learning_rate")
    search(study, "kd")
    search(study, "pkd-last")
    assert list(shares(study, "ft")) == ["learning_rate"]
    assert list(shares(study, "kd")) == ["learning_rate", "temperature", "alpha"]
    assert list(shares(study, "pkd-last")) == [*SPACE]


def test_a_lone_hyperparameter_is_not_credited_with_everything(study: FakeRun) -> None:
    search(study, "ft", weight="learning_rate")
    [row] = importance(load_run(study.path)).to_dict("records")
    assert math.isnan(row["importance"])
    assert row["reason"] == "only the learning rate varied: nothing to compare it with"


def test_a_hyperparameter_that_did_not_vary_explains_nothing(study: FakeRun) -> None:
    for number in range(12):
        alpha, rate = number / 12, 1e-5 * (1 + number % 3)
        study.trial(
            "search", "rte", 6, "kd", number, 0.5 + alpha / 5, alpha=alpha, learning_rate=rate
        )
    found = shares(study, "kd")
    assert found["temperature"] == 0.0 and found["alpha"] > 0.5


def test_too_few_ended_trials_give_the_reason_instead(study: FakeRun) -> None:
    search(study, "kd", count=MIN_TRIALS - 1)
    study.trial("search", "rte", 6, "kd", 20, None, state="failed")
    study.trial("search", "rte", 6, "kd", 21, 0.9, state="unfinished")
    table = importance(load_run(study.path))
    assert table["reason"].unique().tolist() == ["9 ended trials, fewer than 10"]
    assert table["importance"].isna().all()
    assert list(plots(load_run(study.path))) == []


def test_equal_scores_have_nothing_to_explain(study: FakeRun) -> None:
    for number in range(12):
        study.trial(
            *("search", "rte", 6, "kd", number, 0.6),
            alpha=number / 12,
            temperature=2.0 + number,
        )
    table = importance(load_run(study.path))
    assert table["reason"].unique().tolist() == ["all scores are equal"]


def test_settings_that_never_varied_give_the_reason(study: FakeRun) -> None:
    for number in range(12):
        study.trial("search", "rte", 6, "kd", number, 0.5 + number / 100)
    table = importance(load_run(study.path))
    assert table["reason"].unique().tolist() == ["no hyperparameter varied"]


def test_trials_that_were_stopped_count_with_their_score(study: FakeRun) -> None:
    for number in range(20):
        alpha = number / 20
        state = "complete" if alpha >= 0.5 else "stopped"
        settings = {"alpha": alpha, "temperature": 2.0 + (7 * number) % 18}
        study.trial("search", "rte", 6, "kd", number, 0.5 + alpha / 5, state=state, **settings)
    table = importance(load_run(study.path))
    assert table["trials"].unique().tolist() == [20]
    assert table["stopped"].unique().tolist() == [10]
    assert shares(study, "kd")["alpha"] > 0.8


def test_a_range_of_orders_of_magnitude_is_measured_as_one(study: FakeRun) -> None:
    # Each of the two decides half of the score, by whether it lies in the upper half of its range.
    places = [(i + 0.5) / 6 for i in range(6)]
    for number, (x, y) in enumerate((x, y) for x in places for y in places):
        score = 0.5 + 0.1 * (x > 0.5) + 0.1 * (y > 0.5)
        settings = {"learning_rate": 1e-5 * 100**x, "alpha": y}
        study.trial("search", "rte", 6, "kd", number, score, **settings)
    found = shares(study, "kd")
    # By value, 91 % of the learning rates lie above the middle, 10⁻⁴: its variance would be a
    # third of alpha's.
    assert found["learning_rate"] == pytest.approx(found["alpha"], abs=0.1)
    assert found["learning_rate"] + found["alpha"] > 0.9


def test_the_same_run_gives_the_same_importances(study: FakeRun) -> None:
    search(study, "kd")
    run = load_run(study.path)
    pd.testing.assert_frame_equal(importance(run), importance(run))


def test_scores_that_settings_do_not_explain_have_no_fit(study: FakeRun) -> None:
    numbers = np.random.default_rng(3)
    for number in range(16):
        settings = {"alpha": numbers.random(), "temperature": 2 + 18 * numbers.random()}
        study.trial("search", "rte", 6, "kd", number, float(numbers.random()), **settings)
    assert importance(load_run(study.path))["fit"].iloc[0] < 0


def test_only_the_tasks_and_depths_asked_for_are_computed(study: FakeRun) -> None:
    search(study, "kd")
    study.trial("search", "rte", 3, "kd", 0, 0.6)
    run = load_run(study.path)
    assert importance(run, depths=[3])["depth"].unique().tolist() == [3]
    assert importance(run, tasks=["mrpc"]).empty


def test_the_picture_leaves_blank_what_a_method_has_not(study: FakeRun) -> None:
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
    assert texts[0] == ["– only the learning rate varied: nothing to compare it with"]
    assert len(texts[1]) == 4  # three hyperparameters and the fit, nothing for beta
    assert texts[2] == ["– 3 ended trials, fewer than 10"]
    assert len(axes.patches) == 3
    assert axes.get_xticklabels()[-1].get_text() == "R²"


def test_a_cell_without_trials_says_so_in_the_picture(study: FakeRun) -> None:
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
    assert "Computed for 8 of 10 tasks and 1 of 1 depths only" in plot.caption
    assert plot.numbers["task"].nunique() == 8
