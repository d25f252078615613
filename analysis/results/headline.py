"""The findings of a study in a few sentences, at the top of the report."""

from collections.abc import Iterable, Iterator

import pandas as pd

from analysis.labels import method_label, task_label
from analysis.results.comparison import AVERAGE
from analysis.results.sizes import parameters_of_layers, student_encoder
from analysis.run_data.runs import Run
from pkd.distillation.methods import METHODS, TEACHER


def headline(run: Run, numbers: pd.DataFrame, overall: pd.DataFrame | None) -> list[str]:
    """Returns sentences about each depth: its best student, and comparisons of methods.

    Args:
        run: The study.
        numbers: What `analysis.results.comparison.comparison` returns.
        overall: What `analysis.results.significance.overall` returns, if any pair could be tested.
    """
    sentences = [*_constant_teachers(numbers)]
    for depth in run.study["depths"]:
        sentences += _best_student(run, numbers, depth)
        sentences += _constant(numbers, depth)
        if overall is not None:
            sentences += _verdicts(overall, depth)
    return sentences or ["No student is confirmed yet, so there is nothing to compare."]


def _best_student(run: Run, numbers: pd.DataFrame, depth: int) -> Iterator[str]:
    """The best student's score beside its teacher's, over all tasks if all are complete."""
    scores = numbers[numbers["mean"].notna() & (numbers["status"] == "complete")]
    macro = scores[scores["task"] == AVERAGE]
    if len(run.study["tasks"]) == 1:
        where = f"on {task_label(next(iter(run.study['tasks'])))}"
        macro = scores.groupby(["depth", "method"], sort=False)["mean"].mean().reset_index()
    else:
        where = f"on average over {len(run.study['tasks'])} tasks"
    students = macro[(macro["depth"] == depth) & (macro["method"] != TEACHER)]
    if students.empty:
        return
    best = students.loc[students["mean"].idxmax()]
    constant = scores[(scores["depth"] == depth) & (scores["method"] == best["method"])]
    mark = " (constant on at least one seed)" if constant["constant"].any() else ""
    text = f"{depth} layers: the best student, {method_label(best['method'])}, scores "
    text += f"{best['mean']:.1f}{mark} {where}"
    teacher = macro.loc[macro["method"] == TEACHER, "mean"]
    if len(teacher):
        text += _beside_teacher(best["mean"], teacher.iloc[0])
    yield text + _size(run, depth) + "."


def _beside_teacher(student: float, teacher: float) -> str:
    """The share of the teacher's score; a score of 0 or less has no shares."""
    if teacher <= 0 or student < 0:
        return f"; its teacher scores {teacher:.1f}"
    return f", {100 * student / teacher:.1f} % of its teacher's {teacher:.1f}"


def _constant_teachers(numbers: pd.DataFrame) -> Iterator[str]:
    found = numbers[(numbers["method"] == TEACHER) & (numbers["task"] != AVERAGE)]
    tasks = found.loc[found["constant"].fillna(0) > 0, "task"].unique()
    if len(tasks):
        yield (
            f"The teacher is constant (it predicts a single class) on {_joined(tasks)}: it has "
            "learnt nothing, so its students can learn nothing from it."
        )


def _joined(tasks: Iterable[str]) -> str:
    return ", ".join(map(task_label, tasks))


def _constant(numbers: pd.DataFrame, depth: int) -> Iterator[str]:
    """The students that predict a single class, whose scores need no learning."""
    found = numbers[(numbers["depth"] == depth) & (numbers["method"] != TEACHER)]
    found = found[(found["constant"].fillna(0) > 0) & (found["task"] != AVERAGE)]
    cells = [
        f"{method_label(row['method'])} on {task_label(row['task'])}"
        for row in found.drop_duplicates(["task", "method"]).to_dict("records")
    ]
    if cells:
        yield (
            f"{depth} layers: these students are constant (predict a single class) on at least "
            f"one seed, so their scores say nothing about the method: {', '.join(cells)}."
        )


def _size(run: Run, depth: int) -> str:
    teacher = run.study["teacher"]
    whole = parameters_of_layers(teacher, int(teacher["layers"]))
    student = parameters_of_layers(student_encoder(run), depth)
    if not whole or not student:
        return ""
    return f", with {100 * student['total'] / whole['total']:.0f} % of its parameters"


def _verdicts(overall: pd.DataFrame, depth: int) -> Iterator[str]:
    # The paper's claims: distillation helps, patience helps more, and Skip more than Last.
    claims = [
        (name, baseline)
        for baseline in METHODS
        for name, method in METHODS.items()
        if baseline in method.baselines
    ]
    for better, worse in claims:
        for row in overall.to_dict("records"):
            pair = (row["a"], row["b"])
            if row["depth"] != depth or set(pair) != {better, worse}:
                continue
            won, lost = row["won"], row["lost"]
            if pair != (better, worse):
                won, lost = lost, won
            yield (
                f"{depth} layers, {method_label(better)} against {method_label(worse)}: better on "
                f"{won} of {row['tasks']} {'task' if row['tasks'] == 1 else 'tasks'}, worse on "
                f"{lost}, no difference shown on {row['tied']}."
            )
