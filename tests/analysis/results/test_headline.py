"""The sentences at the top of the report."""

from pathlib import Path

import pandas as pd
import pytest

from analysis.results.comparison import comparison
from analysis.results.headline import headline
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import FakeRun

PARAMETERS = {"embeddings": 20, "layers": 60, "pooler": 20, "total": 100}


def sentences(path: Path, *overall: tuple[int, str, str, int, int, int, int]) -> list[str]:
    columns = ["depth", "a", "b", "won", "tied", "lost", "tasks"]
    run = load_run(path)
    return headline(run, comparison(run), pd.DataFrame(overall, columns=columns))


def test_without_a_confirmed_student_the_headline_says_so(fake: FakeRun) -> None:
    fake.trial("search", "rte", 6, "kd", 0, 0.6)
    assert sentences(fake.path) == [
        "No student is confirmed yet, so there is nothing to compare.",
    ]


def test_the_best_student_is_compared_with_its_teacher(tmp_path: Path) -> None:
    teacher = {"name": "bert", "layers": 12, "hidden": 768, "parameters": PARAMETERS}
    fake = FakeRun(tmp_path, ("rte", "sst2"), depths=[6], teacher=teacher)
    for task, score in (("rte", 0.6), ("sst2", 0.8)):
        for number in range(2):
            fake.trial("teachers", task, 12, "teacher", number, score + 0.1)
        for seed in range(3):
            fake.trial("confirm", task, 6, "ft", seed, score - 0.1)
            fake.trial("confirm", task, 6, "kd", seed, score)
    # Students average (60 + 80) / 2, the teacher (70 + 90) / 2; 6 of 12 layers drop 30 of 100.
    assert sentences(tmp_path) == [
        "6 layers: the best student, KD, scores 70.0 on average over 2 tasks, 87.5 % of its "
        "teacher's 80.0, with 70 % of its parameters."
    ]


def test_one_task_is_named_and_an_unfinished_teacher_is_left_out(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, depths=[6])
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "ft", seed, 0.6)
    assert sentences(tmp_path) == ["6 layers: the best student, FT, scores 60.0 on RTE."]


def test_comparisons_start_with_the_method_that_the_paper_calls_better(fake: FakeRun) -> None:
    found = sentences(fake.path, (6, "kd", "pkd-skip", 1, 2, 3, 6), (3, "kd", "ft", 1, 0, 0, 1))
    assert found == [
        "6 layers, PKD-Skip against KD: better on 3 of 6 tasks, worse on 1, no difference shown "
        "on 2.",
        "3 layers, KD against FT: better on 1 of 1 task, worse on 0, no difference shown on 0.",
    ]


def test_students_that_predict_a_single_class_are_named(fake: FakeRun) -> None:
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "kd", seed, 0.5, constant=True)
        fake.trial("confirm", "rte", 6, "pkd-skip", seed, 0.5, constant=seed == 0)
        fake.trial("confirm", "rte", 6, "ft", seed, 0.6)
    assert sentences(fake.path) == [
        "6 layers: the best student, FT, scores 60.0 on RTE.",
        "6 layers: these students are constant (predict a single class) on at least one seed, so "
        "their scores say nothing about the method: KD on RTE, PKD-Skip on RTE.",
    ]


def test_a_constant_teacher_and_a_constant_best_student_are_named(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, depths=[6])
    for number in range(2):
        fake.trial("teachers", "rte", 12, "teacher", number, 0.5, constant=True)
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "kd", seed, 0.5, constant=seed == 0)
    teacher, best, _ = sentences(tmp_path)
    assert teacher.startswith("The teacher is constant (it predicts a single class) on RTE")
    assert best.startswith("6 layers: the best student, KD, scores 50.0 (constant on at least one")


@pytest.mark.parametrize(
    ("teacher", "student", "end"),
    [
        (0.0, 0.0, "scores 0.0 on RTE; its teacher scores 0.0."),
        (0.0, 0.6, "scores 60.0 on RTE; its teacher scores 0.0."),
        (-0.1, 0.2, "scores 20.0 on RTE; its teacher scores -10.0."),
        (0.2, -0.1, "scores -10.0 on RTE; its teacher scores 20.0."),
        (0.5, 0.0, "scores 0.0 on RTE, 0.0 % of its teacher's 50.0."),
        (0.5, 0.6, "scores 60.0 on RTE, 120.0 % of its teacher's 50.0."),
    ],
)
def test_a_score_that_has_no_shares_is_shown_without_one(
    tmp_path: Path, teacher: float, student: float, end: str
) -> None:
    fake = FakeRun(tmp_path, depths=[6])
    for number in range(2):
        fake.trial("teachers", "rte", 12, "teacher", number, teacher)
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "kd", seed, student)
    assert sentences(tmp_path) == [f"6 layers: the best student, KD, {end}"]


def test_models_without_parameters_have_no_share_of_them(tmp_path: Path) -> None:
    teacher = {"name": "bert", "layers": 12, "parameters": dict.fromkeys(PARAMETERS, 0)}
    fake = FakeRun(tmp_path, depths=[6], teacher=teacher)
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "kd", seed, 0.6)
    assert sentences(tmp_path) == ["6 layers: the best student, KD, scores 60.0 on RTE."]
