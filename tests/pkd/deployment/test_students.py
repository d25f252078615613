"""The order of the students of a task, and what speaks against one."""

import json
from pathlib import Path
from typing import Any

import pytest

from pkd.deployment.students import (
    doubts,
    find_student,
    held_out_flaw,
    held_out_metrics,
    students,
)
from pkd.errors import CacheError, InputError
from tests.support.runs.recorded_trial import record_trial

STUDY = {"depths": [3, 2], "methods": ["ft", "kd"], "tasks": {"own": {}}}


def end(run: Path, stage: str, cell: str, metrics: dict[str, Any], **more: Any) -> None:
    number = len(list((run / "ledger").rglob("end.json")))
    record_trial(run, stage, cell, f"trial-{number:04d}", metrics=metrics, **more)


def student(
    run: Path, name: str, dev: list[float], held_out: float | None = None, constant: int = 0
) -> None:
    """A saved student; the first ``constant`` seeds predict a single class."""
    method, depth = name.split("-")
    cell = f"own-{depth}-{method}"
    (run / "models" / cell).mkdir(parents=True)
    (run / "models" / cell / "config.json").touch()
    for seed, value in enumerate(dev):
        metrics = {"dev": {"accuracy": value}}
        end(run, "confirm", cell, metrics, score=value, constant=seed < constant)
    if held_out is not None:
        end(run, "predict", cell, {"later": {"accuracy": held_out}})


def names(run: Path) -> list[str]:
    return [each.name for each in students(run, STUDY, "own")]


def test_the_higher_mean_dev_score_is_better(tmp_path: Path) -> None:
    student(tmp_path, "ft-3", [0.80, 0.90], held_out=0.9)  # mean 85
    student(tmp_path, "kd-3", [0.86, 0.86], held_out=0.5)
    student(tmp_path, "ft-2", [0.95, 0.70], held_out=0.9)  # mean 82.5, the best seed
    assert names(tmp_path) == ["kd-3", "ft-3", "ft-2"]


def test_dev_means_that_print_alike_are_decided_by_held_out_scores_then_by_size(
    tmp_path: Path,
) -> None:
    student(tmp_path, "ft-3", [0.8504], held_out=0.80)
    student(tmp_path, "kd-3", [0.8496], held_out=0.84)
    student(tmp_path, "ft-2", [0.8500], held_out=0.80)
    student(tmp_path, "kd-2", [0.8500])
    assert names(tmp_path) == ["kd-3", "ft-2", "ft-3", "kd-2"]


def test_students_that_predict_a_single_class_come_last(tmp_path: Path) -> None:
    student(tmp_path, "ft-3", [0.9, 0.9], constant=2)
    student(tmp_path, "kd-3", [0.7, 0.9], constant=1)
    assert names(tmp_path) == ["kd-3", "ft-3"]
    found = students(tmp_path, STUDY, "own")
    assert [each.constant for each in found] == [1, 2]
    assert doubts(found, found[0]) == [
        "kd-3 is constant on 1 of 2 seeds (predicts a single class): it has learnt nothing there"
    ]


def test_a_student_that_lacks_seeds_comes_after_complete_ones(tmp_path: Path) -> None:
    student(tmp_path, "ft-3", [0.9])
    student(tmp_path, "kd-3", [0.7, 0.8])
    study = STUDY | {"budget": {"confirm_seeds": 2}}
    found = students(tmp_path, study, "own")
    assert [each.name for each in found] == ["kd-3", "ft-3"]
    assert doubts(found, found[0]) == []
    assert doubts(found, found[1]) == ["1 of the 2 confirm seeds of ft-3 are complete"]


def test_held_out_scores_are_the_mean_of_each_splits_mean(tmp_path: Path) -> None:
    student(tmp_path, "ft-3", [0.9])
    metrics = {"later": {"f1": 0.5, "mcc": 0.7}, "elsewhere": {"f1": 0.8, "mcc": 1.0}}
    end(tmp_path, "predict", "own-3-ft", metrics | {"odd": {"f1": None, "mcc": 0.1}})
    [found] = students(tmp_path, STUDY, "own")
    assert found.held_out == metrics == held_out_metrics(tmp_path, STUDY, "own-3-ft")
    assert found.held_out_score == pytest.approx((0.6 + 0.9) / 2)
    assert held_out_metrics(tmp_path, STUDY, "own-12-teacher") == {}


@pytest.mark.parametrize(
    ("taken", "other", "said"),
    [
        (0.80, 0.85, ["kd-3 has a higher held-out score, 85.0 against 80.0 of ft-3"]),
        (0.80, 0.75, []),
        (0.8001, 0.8004, []),  # they print alike
        (None, 0.85, []),
        (0.80, None, []),
    ],
)
def test_a_contradiction_of_dev_and_held_out_scores_is_said(
    taken: float | None, other: float | None, said: list[str], tmp_path: Path
) -> None:
    student(tmp_path, "ft-3", [0.9], taken)
    student(tmp_path, "kd-3", [0.8], other)
    found = students(tmp_path, STUDY, "own")
    sentences = doubts(found, find_student(found, None))
    assert [each.partition(":")[0] for each in sentences] == said


def test_a_wrong_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    student(tmp_path, "kd-3", [0.9])
    with pytest.raises(InputError, match="--student is 'kd3', .*; did you mean 'kd-3'"):
        find_student(students(tmp_path, STUDY, "own"), "kd3")


@pytest.mark.parametrize(
    ("settings", "flaw"),
    [
        ({"trial": "seed-0001", "learning_rate": 1e-5, "tokens": {"later": "now"}}, None),
        ({"trial": "seed-0000", "learning_rate": 1e-5}, "another model"),
        ({"trial": "seed-0001", "learning_rate": 2e-5}, "another model"),  # an earlier winner's
        ({"trial": "seed-0001", "learning_rate": 1e-5, "model": "0" * 16}, None),  # no manifest
        ({"trial": "seed-0001", "tokens": {"later": "before"}}, "other rows of later"),
        ({"trial": "seed-0001", "held_out": {"later": "before"}}, "other rows of later"),
    ],
)
def test_held_out_scores_of_another_model_or_other_rows_do_not_count(
    tmp_path: Path, settings: dict[str, Any], flaw: str | None
) -> None:
    study = STUDY | {"tasks": {"own": {"tokens": {"later": "now"}}}}
    student(tmp_path, "ft-3", [0.9])
    card = {"trial": "seed-0001", "settings": {"learning_rate": 1e-5}}
    (tmp_path / "models" / "own-3-ft" / "study.json").write_text(json.dumps(card))
    metrics = {"later": {"accuracy": 0.8}}
    record_trial(tmp_path, "predict", "own-3-ft", "job-0000", settings, metrics=metrics)
    assert held_out_metrics(tmp_path, study, "own-3-ft") == ({} if flaw else metrics)
    said = held_out_flaw(tmp_path, study, "own-3-ft")
    assert said is None if flaw is None else flaw in str(said)


@pytest.mark.parametrize("metrics", [{"later": {"accuracy": "high"}}, {"later": 3}, [1]])
def test_damaged_held_out_scores_are_refused(metrics: Any, tmp_path: Path) -> None:
    end(tmp_path, "predict", "own-3-ft", metrics)
    with pytest.raises(CacheError, match="trial-0000.*metric"):
        held_out_metrics(tmp_path, STUDY, "own-3-ft")
