import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.plots.importance import plots
from analysis.run_data.runs import load_run
from analysis.search_history.importance import MIN_TRIALS, importance
from tests.support.runs.fake_run import FakeRun
from tests.support.runs.searched_run import SPACE, search


@pytest.fixture
def study(tmp_path: Path) -> FakeRun:
    return FakeRun(tmp_path / "run", config={"search": {"space": SPACE}})


def shares(fake: FakeRun, method: str) -> dict[str, float]:
    table = importance(load_run(fake.path))
    table = table[table["method"] == method]
    return dict(zip(table["setting"], table["importance"], strict=True))


def test_the_hyperparameter_that_decides_the_score_is_most_important(study: FakeRun) -> None:
    search(study, "pkd-skip", count=24)
    found = shares(study, "pkd-skip")
    assert found["alpha"] > 0.8
    assert sum(found.values()) - found["alpha"] < 0.15
    assert sum(found.values()) < 1.001  # the rest are interactions
    table = importance(load_run(study.path))
    assert table["fit"].iloc[0] > 0.5 and table["trials"].tolist() == [24] * 5
    assert table["reason"].isna().all()


def test_a_hyperparameter_has_no_importance_in_a_method_without_it(study: FakeRun) -> None:
    search(study, "ft", weight="learning_rate")
    search(study, "kd")
    search(study, "pkd-last")
    assert list(shares(study, "ft")) == ["learning_rate"]
    assert list(shares(study, "kd")) == ["learning_rate", "temperature", "alpha"]
    assert list(shares(study, "pkd-last")) == [*SPACE]


def test_a_single_varied_hyperparameter_has_no_importance(study: FakeRun) -> None:
    search(study, "ft", weight="learning_rate")
    [row] = importance(load_run(study.path)).to_dict("records")
    assert math.isnan(row["importance"])
    assert row["reason"] == "only the learning rate varied"


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
    assert table["reason"].unique().tolist() == ["9 ended trials, needs 10"]
    assert table["importance"].isna().all()
    assert list(plots(load_run(study.path))) == []


def test_equal_scores_give_the_reason(study: FakeRun) -> None:
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


def test_a_logarithmic_range_is_measured_on_its_scale(study: FakeRun) -> None:
    # Each of the two decides half of the score: is it in the upper half of its range?
    places = [(i + 0.5) / 6 for i in range(6)]
    for number, (x, y) in enumerate((x, y) for x in places for y in places):
        score = 0.5 + 0.1 * (x > 0.5) + 0.1 * (y > 0.5)
        settings = {"learning_rate": 1e-5 * 100**x, "alpha": y}
        study.trial("search", "rte", 6, "kd", number, score, **settings)
    found = shares(study, "kd")
    # On a linear scale, 91 % of the learning rates are above the middle, 10⁻⁴: the variance
    # would be a third of alpha's.
    assert found["learning_rate"] == pytest.approx(found["alpha"], abs=0.1)
    assert found["learning_rate"] + found["alpha"] > 0.9


def test_the_same_run_gives_the_same_importances(study: FakeRun) -> None:
    search(study, "kd")
    run = load_run(study.path)
    pd.testing.assert_frame_equal(importance(run), importance(run))


def test_scores_independent_of_the_settings_have_no_fit(study: FakeRun) -> None:
    numbers = np.random.default_rng(3)
    for number in range(16):
        settings = {"alpha": numbers.random(), "temperature": 2 + 18 * numbers.random()}
        study.trial("search", "rte", 6, "kd", number, float(numbers.random()), **settings)
    assert importance(load_run(study.path))["fit"].iloc[0] < 0


def test_only_the_requested_tasks_and_depths_are_computed(study: FakeRun) -> None:
    search(study, "kd")
    study.trial("search", "rte", 3, "kd", 0, 0.6)
    run = load_run(study.path)
    assert importance(run, depths=[3])["depth"].unique().tolist() == [3]
    assert importance(run, tasks=["mrpc"]).empty


def test_a_trial_whose_settings_are_unknown_is_left_out(study: FakeRun) -> None:
    search(study, "kd", count=MIN_TRIALS + 1)
    (start,) = study.path.glob("ledger/search/*/trial-0000/start.json")
    start.write_text("{")
    table = importance(load_run(study.path))
    assert table["trials"].tolist() == [MIN_TRIALS] * 3 and table["importance"].notna().all()
