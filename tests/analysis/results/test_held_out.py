import json
from pathlib import Path

import pytest

from analysis.results.held_out import held_out, held_out_scores
from analysis.run_data.predictions import prediction_problems
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import FakeRun, write


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
    folder = tickets.trial("predict", "tickets", 6, "ft", 0, None)
    end = json.loads((folder / "end.json").read_text())
    write(folder / "end.json", end | {"metrics": {"later": {"accuracy": 0.9, "mcc": None}}})
    run = load_run(tickets.path)
    assert held_out_scores(run).isna().all()
    assert held_out(run)["value"].isna().tolist() == [False, True]


def test_a_study_without_held_out_rows_has_no_score(tickets: FakeRun) -> None:
    assert held_out_scores(load_run(tickets.path)).empty


def test_scores_on_other_rows_or_of_another_model_are_left_out(tmp_path: Path) -> None:
    about = {"metrics": ["accuracy"], "dev_splits": ["dev"], "labels": ["ok", "bug"]}
    about |= {"tokens": {"dev": "dev", "later": "now"}}
    methods = ["ft", "kd", "pkd-skip", "pkd-last"]
    fake = FakeRun(tmp_path, (), {"tickets": about}, depths=[6], methods=methods)
    settings = {"trial": "seed-0001", "tokens": {"later": "now"}}
    older = {"trial": "seed-0001", "held_out": {"later": "now"}}  # as version 0.1.0 recorded it
    for method, made_from in (
        *(("ft", settings), ("kd", settings | {"tokens": {"later": "before"}})),
        *(("pkd-skip", settings | {"trial": "seed-0000"}), ("pkd-last", older)),
    ):
        (folder := tmp_path / "models" / f"tickets-6-{method}").mkdir(parents=True)
        card = {"trial": "seed-0001", "settings": {"learning_rate": 2e-5}}
        (folder / "study.json").write_text(json.dumps(card))
        scores = {"later": {"accuracy": 0.5}}
        fake.trial("predict", "tickets", 6, method, 0, scores, **made_from)
    run = load_run(tmp_path)
    assert held_out(run)["method"].tolist() == ["ft", "pkd-last"]
    rows, model = prediction_problems(run)
    assert "tickets-6-kd" in rows and "made from other rows of later than the study has" in rows
    assert "tickets-6-pkd-skip" in model and "made by another model than the one" in model
