import json
from pathlib import Path

import pytest

from analysis.results.held_out import held_out, held_out_scores
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import FakeRun


@pytest.fixture
def tickets(tmp_path: Path) -> FakeRun:
    about = {"metrics": ["accuracy", "mcc"], "dev_splits": ["dev"], "labels": ["ok", "bug"]}
    return FakeRun(tmp_path, (), own_tasks={"tickets": about}, depths=[6], methods=["ft", "kd"])


def test_one_score_is_the_mean_over_splits_of_the_mean_over_metrics(tickets: FakeRun) -> None:
    scores = {"later": {"accuracy": 0.9, "mcc": 0.5}, "other": {"accuracy": 0.6}}
    tickets.trial("predict", "tickets", 6, "kd", 0, scores)
    found = held_out_scores(load_run(tickets.path))
    assert found.to_dict() == {("tickets", 6, "kd"): pytest.approx((70 + 60) / 2)}


def test_a_model_with_a_missing_metric_has_no_score(tickets: FakeRun) -> None:
    for method, value in (("ft", None), ("kd", float("nan"))):
        scores = {"later": {"accuracy": 0.9, "mcc": value}}
        folder = tickets.trial("predict", "tickets", 6, method, 0, None)
        end = folder / "end.json"
        end.write_text(json.dumps(json.loads(end.read_text()) | {"metrics": scores}))
    run = load_run(tickets.path)
    assert held_out_scores(run).isna().all()
    assert held_out(run)["value"].isna().tolist() == [False, True] * 2


def test_a_study_without_held_out_rows_has_no_score(tickets: FakeRun) -> None:
    assert held_out_scores(load_run(tickets.path)).empty
