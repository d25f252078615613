import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.results.comparison import AVERAGE, comparison, skip_vs_last
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import FakeRun


def row(path: Path, method: str, task: str = "rte", depth: int = 6, **where: str) -> Any:
    """The only row of the comparison of `path` with these values."""
    table = comparison(load_run(path))
    mask = (table["method"] == method) & (table["task"] == task) & (table["depth"] == depth)
    for name, value in where.items():
        mask &= table[name] == value
    [found] = table[mask].to_dict("records")
    return found


def test_a_cell_is_the_mean_and_sample_deviation_of_its_confirm_seeds(fake: FakeRun) -> None:
    for seed, score in enumerate([0.60, 0.62, 0.67]):
        fake.trial("confirm", "rte", 6, "kd", seed, score)
    fake.trial("search", "rte", 6, "kd", 0, 0.99)  # must not enter
    cell = row(fake.path, "kd")
    assert cell["mean"] == pytest.approx(63.0)
    assert cell["sd"] == pytest.approx(math.sqrt((9 + 1 + 16) / 2))
    assert (cell["n"], cell["planned"], cell["status"]) == (3, 3, "complete")


def test_the_difference_is_to_the_authors_dev_mean(fake: FakeRun) -> None:
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "kd", seed, 0.66)
    cell = row(fake.path, "kd")
    assert (cell["published_dev"], cell["published_test"]) == (67.51, 64.7)
    assert cell["difference"] == pytest.approx(66 - 67.51)
    assert cell["published_test_source"] == "paper table 1" and cell["replication"]


def test_one_seed_has_no_deviation(fake: FakeRun) -> None:
    fake.trial("confirm", "rte", 6, "kd", 0, 0.6)
    cell = row(fake.path, "kd")
    assert cell["n"] == 1 and math.isnan(cell["sd"]) and cell["status"] == "1/3 seeds"


def test_failed_and_unfinished_seeds_do_not_count_but_are_reported(fake: FakeRun) -> None:
    fake.trial("confirm", "rte", 6, "kd", 0, 0.6)
    fake.trial("confirm", "rte", 6, "kd", 1, 0.1, state="failed")
    fake.trial("confirm", "rte", 6, "kd", 2, 0.9, state="unfinished")
    cell = row(fake.path, "kd")
    assert cell["mean"] == pytest.approx(60.0)
    assert cell["status"] == "1/3 seeds, 1 failed"


def test_the_status_of_a_cell_shows_its_progress(fake: FakeRun) -> None:
    fake.trial("search", "rte", 6, "ft", 0, 0.6)
    fake.trial("search", "rte", 6, "ft", 1, 0.6, state="stopped")
    fake.trial("search", "rte", 6, "ft", 2, None, state="failed")
    assert row(fake.path, "ft")["status"] == "search 2/4"
    assert row(fake.path, "kd")["status"] == "not run"
    assert math.isnan(row(fake.path, "kd")["mean"])


def test_the_teacher_is_its_best_trial_with_n_1(fake: FakeRun) -> None:
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.68)
    fake.trial("teachers", "rte", 12, "teacher", 1, 0.70)
    teacher = row(fake.path, "teacher", depth=12)
    assert (teacher["mean"], teacher["n"], teacher["status"]) == (70.0, 1, "complete")
    assert teacher["published_dev"] == 69.43


def test_a_teacher_of_six_layers_is_beside_the_published_teacher(tmp_path: Path) -> None:
    FakeRun(tmp_path, teacher={"name": "small", "layers": 6, "hidden": 384}, depths=[3])
    teacher = row(tmp_path, "teacher", depth=6)
    assert teacher["published_test"] == 69.1 and not teacher["replication"]


def best_methods(path: Path) -> list[str]:
    table = comparison(load_run(path))
    return list(table.loc[table["best"], "method"])


def test_the_best_complete_student_is_marked_and_the_teacher_never(fake: FakeRun) -> None:
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.9)
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "ft", seed, 0.60)
        fake.trial("confirm", "rte", 6, "kd", seed, 0.61)
    fake.trial("confirm", "rte", 6, "pkd-skip", 0, 0.8)  # one seed of three does not compete
    assert best_methods(fake.path) == ["kd"]


def test_a_single_student_is_not_marked_best_and_equal_students_both_are(fake: FakeRun) -> None:
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "ft", seed, 0.60)
    assert best_methods(fake.path) == []
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "kd", seed, 0.60)
    assert best_methods(fake.path) == ["ft", "kd"]


def test_the_average_weighs_tasks_equally_whatever_their_metrics(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("rte", "mrpc", "mnli"))
    splits = {"validation_matched": {"accuracy": 0.8}, "validation_mismatched": {"accuracy": 0.7}}
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "ft", seed, 0.6)
        fake.trial("confirm", "mrpc", 6, "ft", seed, {"validation": {"accuracy": 0.8, "f1": 0.9}})
        fake.trial("confirm", "mnli", 6, "ft", seed, splits)
        fake.trial("confirm", "rte", 6, "kd", seed, 0.6)  # KD lacks two tasks
    assert row(tmp_path, "ft", AVERAGE)["mean"] == pytest.approx((60 + 85 + 75) / 3)
    table = comparison(load_run(tmp_path))
    assert table.loc[table["task"] == AVERAGE, "method"].tolist() == ["ft"]
    mrpc = row(tmp_path, "ft", "mrpc", metric="f1")
    assert mrpc["mean"] == pytest.approx(90) and mrpc["published_test"] == 85.9
    assert row(tmp_path, "ft", "mnli", split="validation_mismatched")["published_test"] == 79.7


def test_mnli_has_one_column_when_only_matched_was_scored(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("mnli",))
    fake.trial("confirm", "mnli", 6, "ft", 0, {"validation_matched": {"accuracy": 0.8}})
    assert comparison(load_run(tmp_path))["split"].unique().tolist() == ["validation_matched"]


def test_a_model_that_lacks_a_metric_has_no_average_and_is_not_the_best(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("rte", "mrpc"), depths=[6])
    for seed in range(3):
        for method, score in (("ft", 0.6), ("kd", 0.7), ("pkd-skip", 0.5)):
            fake.trial("confirm", "rte", 6, method, seed, score)
            f1 = float("nan") if method == "kd" else score
            metrics = {"validation": {"accuracy": score, "f1": f1}}
            fake.trial("confirm", "mrpc", 6, method, seed, metrics)
    table = comparison(load_run(tmp_path))
    assert table.loc[table["task"] == AVERAGE, "method"].tolist() == ["ft", "pkd-skip"]
    best = table[table["best"]].drop_duplicates("task").set_index("task")["method"].to_dict()
    assert best == {"rte": "kd", "mrpc": "ft", AVERAGE: "ft"}


def test_a_study_of_one_task_has_no_average(fake: FakeRun) -> None:
    assert AVERAGE not in comparison(load_run(fake.path))["task"].tolist()


def test_a_users_task_has_no_published_number(tmp_path: Path) -> None:
    about = {"metrics": ["accuracy"], "dev_splits": ["validation"], "train_rows": 500}
    fake = FakeRun(tmp_path, (), own_tasks={"my-reviews": about})
    fake.trial("confirm", "my-reviews", 6, "ft", 0, 0.5)
    cell = row(tmp_path, "ft", "my-reviews")
    assert cell["mean"] == 50 and pd.isna(cell["published_dev"])


def test_skip_and_last_are_beside_the_papers_numbers(fake: FakeRun) -> None:
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "pkd-skip", seed, 0.66)
        fake.trial("confirm", "rte", 6, "pkd-last", seed, 0.64)
    table = skip_vs_last(comparison(load_run(fake.path))).set_index("depth")
    six: Any = table.loc[6]
    assert six["difference"] == pytest.approx(2.0) and (six["skip_n"], six["last_n"]) == (3, 3)
    # Table 2: 65.5 and 65.0.
    assert six["published_difference"] == pytest.approx(0.5)
    assert table["difference"].isna()[3]


def test_a_study_with_one_layer_strategy_has_no_skip_and_last(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, methods=["kd", "pkd-skip"])
    fake.trial("confirm", "rte", 6, "pkd-skip", 0, 0.66)
    assert skip_vs_last(comparison(load_run(tmp_path))).empty
