import math
from pathlib import Path

import pytest

from analysis.results.settings import ablation, best_settings, interaction, scores_by_method
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import FakeRun


def test_the_winner_is_the_best_search_trial_that_did_not_fail(fake: FakeRun) -> None:
    fake.trial("search", "rte", 6, "kd", 0, 0.60, alpha=0.2)
    fake.trial("search", "rte", 6, "kd", 1, 0.64, state="stopped", alpha=0.5)
    fake.trial("search", "rte", 6, "kd", 2, 0.99, state="failed", alpha=0.7)
    fake.trial("confirm", "rte", 6, "kd", 0, 0.99, alpha=0.9)
    [winner] = best_settings(load_run(fake.path)).to_dict("records")
    assert (winner["trial"], winner["alpha"], winner["trials"]) == ("trial-0001", 0.5, 2)
    assert winner["search_score"] == pytest.approx(64.0)


def test_the_table_holds_the_teachers_settings(fake: FakeRun) -> None:
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.7, learning_rate=1e-5)
    [teacher] = best_settings(load_run(fake.path)).to_dict("records")
    assert (teacher["method"], teacher["learning_rate"]) == ("teacher", 1e-5)


def test_a_hyperparameter_is_shown_only_for_methods_that_have_it(fake: FakeRun) -> None:
    for method in ("ft", "kd", "pkd-skip"):
        fake.trial("search", "rte", 6, method, 0, 0.6)
    run = load_run(fake.path)
    assert ablation(run, "learning_rate")["method"].tolist() == ["ft", "kd", "pkd-skip"]
    assert ablation(run, "alpha")["method"].tolist() == ["kd", "pkd-skip"]
    assert ablation(run, "beta")["method"].tolist() == ["pkd-skip"]
    assert ablation(run, "normalize")["value"].tolist() == [True]
    assert ablation(run, "warmup").empty


def test_an_ablation_holds_search_trials_with_a_score_only(fake: FakeRun) -> None:
    fake.trial("search", "rte", 6, "ft", 0, 0.60, learning_rate=1e-5)
    fake.trial("search", "rte", 6, "ft", 1, 0.55, state="stopped", learning_rate=5e-5)
    fake.trial("search", "rte", 6, "ft", 2, 0.50, state="unfinished")
    fake.trial("search", "rte", 6, "ft", 3, None, state="failed")
    fake.trial("confirm", "rte", 6, "ft", 0, 0.99)
    points = ablation(load_run(fake.path), "learning_rate")
    assert points["value"].tolist() == [1e-5, 5e-5]
    assert points["score"].tolist() == pytest.approx([60.0, 55.0])
    assert points["state"].tolist() == ["complete", "stopped"]


def test_a_centred_score_is_the_score_minus_the_mean_of_its_cell(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("rte", "mrpc"))
    for task, scores in (("rte", (0.5, 0.6)), ("mrpc", (0.8, 0.84))):
        for number, (alpha, score) in enumerate(zip((0.2, 0.7), scores, strict=True)):
            fake.trial("search", task, 6, "kd", number, score, alpha=alpha)
    points = ablation(load_run(tmp_path), "alpha")
    assert points["centred"].tolist() == pytest.approx([-5.0, 5.0, -2.0, 2.0])


def test_a_cell_that_tried_one_value_has_no_centred_score(fake: FakeRun) -> None:
    for number, score in enumerate((0.5, 0.6)):
        fake.trial("search", "rte", 6, "kd", number, score, alpha=0.5)
        fake.trial("search", "rte", 3, "kd", number, score, alpha=0.2 + 0.5 * number)
    points = ablation(load_run(fake.path), "alpha")
    assert points["depth"].tolist() == [6, 6, 3, 3]
    assert points["centred"].tolist() == pytest.approx([math.nan] * 2 + [-5.0, 5.0], nan_ok=True)


def test_a_depth_is_compared_within_its_task_and_method(fake: FakeRun) -> None:
    fake.trial("search", "rte", 6, "kd", 0, 0.64)
    fake.trial("search", "rte", 3, "kd", 0, 0.60)
    fake.trial("search", "rte", 6, "ft", 0, 0.50)  # at one depth only
    points = ablation(load_run(fake.path), "depth")
    assert points["value"].tolist() == [6, 6, 3]
    assert points["method"].tolist() == ["ft", "kd", "kd"]
    assert points["centred"].tolist() == pytest.approx([math.nan, 2.0, -2.0], nan_ok=True)


def test_a_strategy_is_compared_within_its_task_and_depth(fake: FakeRun) -> None:
    fake.trial("search", "rte", 6, "ft", 0, 0.40)
    fake.trial("search", "rte", 6, "pkd-skip", 0, 0.66)
    fake.trial("search", "rte", 6, "pkd-last", 0, 0.60)
    fake.trial("search", "rte", 3, "pkd-last", 0, 0.50)
    points = ablation(load_run(fake.path), "strategy")
    assert points["value"].tolist() == ["skip", "last", "last"]
    assert points["centred"].tolist() == pytest.approx([3.0, -3.0, math.nan], nan_ok=True)


def test_an_interaction_holds_the_trials_that_have_both_hyperparameters(fake: FakeRun) -> None:
    for number, score in enumerate((0.5, 0.6, 0.7)):
        fake.trial("search", "rte", 6, "ft", number, score)
        fake.trial("search", "rte", 6, "kd", number, score, temperature=5.0 * (number + 1))
    fake.trial("search", "rte", 6, "pkd-skip", 0, 0.9)  # alone in its cell
    points = interaction(load_run(fake.path), "temperature", "alpha")
    assert points["method"].tolist() == ["kd"] * 3
    assert points["temperature"].tolist() == [5.0, 10.0, 15.0]
    assert points["centred"].tolist() == pytest.approx([-10.0, 0.0, 10.0])
    assert interaction(load_run(fake.path), "alpha", "warmup").empty


def test_scores_by_method_are_confirm_means_and_the_teacher(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("mrpc",))
    fake.trial("teachers", "mrpc", 12, "teacher", 0, 0.9)
    fake.trial("confirm", "mrpc", 6, "pkd-skip", 0, {"validation": {"accuracy": 0.8, "f1": 0.9}})
    fake.trial("confirm", "mrpc", 6, "pkd-skip", 1, {"validation": {"accuracy": 0.7, "f1": 0.8}})
    student, teacher = scores_by_method(load_run(tmp_path)).to_dict("records")
    assert student["mean"] == pytest.approx(80.0)  # of the selection scores 85 and 75
    assert student["sd"] == pytest.approx(math.sqrt(50))
    assert (student["n"], student["planned"]) == (2, 3)
    assert (teacher["method"], teacher["n"], teacher["planned"]) == ("teacher", 1, 1)
