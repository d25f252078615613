from typing import Any

from analysis.results.budget import budget, budget_by_method, failures, missing
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import FakeRun


def test_the_budget_counts_trials_by_state_epochs_and_hours(fake: FakeRun) -> None:
    fake.trial("search", "rte", 6, "kd", 0, 0.6, epochs=4, seconds=1800)
    fake.trial("search", "rte", 6, "kd", 1, 0.6, state="stopped", epochs=1, seconds=900)
    fake.trial("search", "rte", 6, "kd", 2, None, state="failed", epochs=2, seconds=891)
    fake.trial("search", "rte", 6, "kd", 3, 0.6, state="unfinished", epochs=1)  # 9 s reported
    table = budget(load_run(fake.path)).set_index(["stage", "task", "depth", "method"])
    cell: Any = table.loc[("search", "rte", 6, "kd"), :]
    assert (cell["planned"], cell["done"]) == (4, 2)
    assert (cell["complete"], cell["stopped"], cell["failed"], cell["unfinished"]) == (1, 1, 1, 1)
    # Only the early stop saved epochs (of four): the other trials failed or still run.
    assert (cell["epochs"], cell["epochs_saved"], cell["device_hours"]) == (8, 3, 1.0)


def test_every_planned_cell_has_a_row_before_any_trial(fake: FakeRun) -> None:
    table = budget(load_run(fake.path))
    assert len(table) == 1 + 8 + 8  # teacher, and 2 depths x 4 methods searched and confirmed
    assert table["done"].sum() == 0 and table["planned"].sum() == 2 + 8 * 4 + 8 * 3
    assert len(missing(load_run(fake.path))) == 17


def test_the_budget_by_method_adds_up_tasks_and_depths(fake: FakeRun) -> None:
    fake.trial("search", "rte", 6, "kd", 0, 0.6, seconds=3600)
    fake.trial("search", "rte", 3, "kd", 0, 0.6, seconds=3600)
    table = budget_by_method(budget(load_run(fake.path))).set_index(["stage", "method"])
    cell: Any = table.loc[("search", "kd"), :]
    assert (cell["planned"], cell["done"], cell["device_hours"]) == (8, 2, 2.0)


def test_missing_and_failed_trials_are_named(fake: FakeRun) -> None:
    for number in range(3):
        fake.trial("search", "rte", 6, "kd", number, 0.6)
    fake.trial("search", "rte", 6, "kd", 3, None, state="failed")
    run = load_run(fake.path)
    assert "search: RTE, 6 layers, KD: 3 of 4 trials, 1 failed" in missing(run)
    failed = "search: RTE, 6 layers, KD, trial-0003: RuntimeError: the loss is nan"
    assert failures(run) == [failed]


def test_trials_that_predict_a_single_class_are_counted(fake: FakeRun) -> None:
    for number in range(5):
        fake.trial("search", "rte", 6, "kd", number, 0.6, constant=number == 0)
    run = load_run(fake.path)
    table = budget(run).set_index(["stage", "task", "depth", "method"])
    cell: Any = table.loc[("search", "rte", 6, "kd"), :]
    assert (cell["planned"], cell["done"], cell["constant"]) == (4, 5, 1)
    assert not any(line.startswith("search: RTE, 6 layers, KD:") for line in missing(run))
