"""What the ledger holds of one-step jobs: every key in its place, as earlier versions wrote it."""

import json

from study.trials.job_reports import (
    GivenTeacherResult,
    JobReport,
    PredictResult,
    SignalsResult,
    TeacherScores,
)

JOB = '{"epoch": 1, "score": 0.0, "train_seconds": 2.5, "eval_seconds": 0.0'
SCORES = TeacherScores(0.75, {"dev": {"f1": 0.75}}, 0.5, 2, "cpu")
DETAILS = '"metrics": {"dev": {"f1": 0.75}}, "dev_loss": 0.5, "classes_predicted": 2'


def test_signals() -> None:
    report = JobReport(2.5, SignalsResult("0123"))
    assert json.dumps(report.to_dict()) == JOB + ', "folder": "0123"}'


def test_predictions_have_metrics_only_for_held_out_splits() -> None:
    report = JobReport(2.5, PredictResult({"test": "ab"}, {}))
    assert json.dumps(report.to_dict()) == JOB + ', "splits": ["test"], "files": {"test": "ab"}}'
    report = JobReport(2.5, PredictResult({"test": "ab", "later": "cd"}, {"later": {"f1": 0.5}}))
    files = ', "files": {"test": "ab", "later": "cd"}'
    metrics = ', "metrics": {"later": {"f1": 0.5}}}'
    expected = JOB + ', "splits": ["test", "later"]' + files + metrics
    assert json.dumps(report.to_dict()) == expected


def test_given_teachers_have_a_score_and_the_others_are_under_further() -> None:
    alone = JOB.replace("0.0", "0.75", 1) + f', {DETAILS}, "device": "cpu"'
    report = JobReport(2.5, GivenTeacherResult(SCORES))
    assert json.dumps(report.to_dict()) == alone + "}"
    report = JobReport(2.5, GivenTeacherResult(SCORES, [SCORES]))
    other = f'{{"score": 0.75, {DETAILS}, "device": "cpu"}}'
    assert json.dumps(report.to_dict()) == f'{alone}, "further": [{other}]}}'
