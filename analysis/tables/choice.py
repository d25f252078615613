"""The answer of ``pkd-study choose``: which student to take, and why not the others."""

import math
import shlex
from typing import Any

import pandas as pd

from analysis.labels import method_label, printed_name, task_label
from analysis.rendering import GENERATED, shell_path
from analysis.results.choice import (
    Limits,
    better_held_out,
    candidates,
    choose,
    printed,
    ranked,
)
from analysis.results.significance import differences
from analysis.run_data.measured_times import Benchmark, load_benchmark
from analysis.run_data.runs import Run
from analysis.tables.held_out import student_name
from pkd.distillation.methods import TEACHER
from pkd.errors import InputError, did_you_mean
from pkd.files.cache import damage
from pkd.files.run_format import BENCHMARK_FILE, MODELS


class ChoiceError(InputError):
    """No student can be chosen with these options; the text says why and what to do."""


def answer(run: Run, task: str, limits: Limits) -> tuple[str, bool]:
    """Returns which student to take and why, in words, and whether any student fits.

    Args:
        run: The study.
        task: One of its tasks.
        limits: What the student must satisfy.

    Raises:
        ChoiceError: The task is unknown, no student of it is confirmed yet, or a limit needs a
            number that was not measured, or the files of the student are damaged.
    """
    benchmark = _benchmark(run, task, limits)
    table = candidates(run, task, limits, benchmark)
    students = table[table["method"] != TEACHER]
    _check_limits(run, task, limits, students)
    lines = [f"*** {GENERATED} ***", ""] if run.generated else []
    taken = choose(table, limits)
    if taken is None:
        why = f"no student satisfies {limits}" if str(limits) else "no student can be taken"
        advice = "Loosen a limit, or add depths to the study."
        if not str(limits):
            advice = "Continue the study; if its students are constant, train for more epochs."
        lines += [f"{task_label(task)}: {why}", "", *_others(students, None), "", advice]
        return "\n".join(lines), False
    _check_saved(run, task, taken)
    lines += _description(run, task, table, taken, benchmark)
    lines += ["", *_reasons(run, task, table, taken, limits)]
    lines += _warnings(table, taken, limits)
    lines += ["", *_others(students, taken)]
    name = f"{taken['method']}-{taken['depth']}"
    lines += [
        "",
        "export it:",
        f"    pkd-study export {shell_path(run.path)} "
        f"{shlex.join(['--task', task, '--student', name])} --to DIR --onnx --int8",
    ]
    return "\n".join(lines), True


def _check_saved(run: Run, task: str, taken: pd.Series) -> None:
    """Checks the files of the chosen student, if they are in the run folder."""
    folder = run.path / MODELS / f"{task}-{taken['depth']}-{taken['method']}"
    if folder.exists() and (found := damage(folder)):
        raise ChoiceError(
            f"{student_name(taken)}, is the student to take, but {found}: run the study's command "
            "again, which says how to restore it"
        )


def _check_limits(run: Run, task: str, limits: Limits, students: pd.DataFrame) -> None:
    if students.empty:
        raise ChoiceError(
            f"{run.path} holds no confirmed student of {task} yet: continue the study first"
        )
    if limits.drop is not None and students["drop"].isna().all():
        raise ChoiceError(
            f"--max-drop needs the teacher's score, but {run.path} has no teacher of {task} yet"
        )
    if limits.parameters is not None and students["parameters"].isna().all():
        raise ChoiceError(
            f"--max-parameters needs the sizes of the models, but {run.path} does not hold them: "
            f"measure them with `{_measure_command(run, task)}`"
        )


def _benchmark(run: Run, task: str, limits: Limits) -> Benchmark | None:
    if task not in run.study["tasks"]:
        raise ChoiceError(
            f"--task is {task!r}, but this study has {', '.join(run.study['tasks'])}"
            + did_you_mean(task, run.study["tasks"])
        )
    benchmark, problem = load_benchmark(run.path)
    if benchmark is None and limits.latency is not None:
        raise ChoiceError(
            f"--max-latency-ms is {limits.latency:g}, but {run.path} has no measured times: "
            f"{problem or f'there is no {BENCHMARK_FILE} yet'}. Run "
            f"`{_measure_command(run, task)}` on the machine that will serve the student, then "
            "run this command again"
        )
    return benchmark


def _measure_command(run: Run, task: str) -> str:
    return f"pkd-study benchmark {shell_path(run.path)} {shlex.join(['--task', task])}"


def _description(
    run: Run, task: str, table: pd.DataFrame, taken: pd.Series, benchmark: Benchmark | None
) -> list[str]:
    about, teacher = run.study["tasks"][task], table.iloc[0]
    metrics = " and ".join(map(printed_name, about["metrics"]))
    metrics = f"mean of {metrics}" if len(about["metrics"]) > 1 else metrics
    dev = printed_name(about["dev_splits"][0])
    score = f"  score       {_score(taken)}: {metrics} on {dev}, percent"
    if teacher["method"] == TEACHER:
        score += f"; teacher {_score(teacher)}, drop {taken['drop']:.1f}"
    lines = [
        f"{task_label(task)}: take {student_name(taken)}",
        score,
        _held_out(about, teacher, taken),
    ]
    if benchmark is not None and not math.isnan(taken["ms"]):
        lines.append(
            f"  latency     {taken['ms']:.3g} ms for one row at a time"
            + _share_of_teacher(teacher, taken, "ms")
            + f"; {benchmark.conditions}"
        )
    else:
        lines.append(f"  latency     not measured: `{_measure_command(run, task)}`")
    if not math.isnan(taken["parameters"]):
        lines.append(
            f"  parameters  {taken['parameters'] / 1e6:.1f} million"
            + _share_of_teacher(teacher, taken, "parameters")
            + "; without the classifier"
        )
    return lines


def _held_out(about: dict[str, Any], teacher: pd.Series, taken: pd.Series) -> str:
    splits = " and ".join(map(printed_name, about.get("held_out") or ()))
    if pd.isna(taken["held_out"]):
        reason = f"{splits} not scored yet" if splits else "no held-out rows"
        return f"  held-out    {reason}; the dev score is optimistic: dev rows chose the settings"
    text = f"  held-out    {taken['held_out']:.1f} (n = 1)" + (f" on {splits}" if splits else "")
    if not pd.isna(taken["held_out_drop"]):
        text += f"; teacher {teacher['held_out']:.1f}, drop {taken['held_out_drop']:.1f}"
    return f"{text}; no choice was made by these rows"


def _share_of_teacher(teacher: pd.Series, taken: pd.Series, column: str) -> str:
    if teacher["method"] != TEACHER or not teacher[column] > 0:
        return ""
    return f", {taken[column] / teacher[column]:.2f} of the teacher's"


def _reasons(
    run: Run, task: str, table: pd.DataFrame, taken: pd.Series, limits: Limits
) -> list[str]:
    fits = ranked(table)
    best = (
        "the cheapest, then the best mean dev score,"
        if limits.cheapest
        else "the best mean dev score"
    )
    limited = f"that satisfy {limits}" if str(limits) else "that are complete"
    lines = [f"why: {best} of the {len(fits)} student(s) {limited}"]
    rivals = fits[fits["cost"] == taken["cost"]] if limits.cheapest else fits
    rivals = rivals[(rivals["mean"].map(printed) == printed(taken["mean"]))].drop(taken.name)
    if len(rivals):
        names = "; ".join(student_name(row) for _, row in rivals.iterrows())
        lines.append(
            f"     the same dev score: {names}. The held-out score decides, then the size"
        )
    similar = _without_shown_difference(run, task, taken)
    if similar:
        lines.append(
            f"     no difference shown on dev (same depth, paired test): {', '.join(similar)}"
        )
    if taken["n"] < 3:
        lines.append(f"     n = {taken['n']} seed(s): a difference of one point may be chance")
    return lines


def _warnings(table: pd.DataFrame, taken: pd.Series, limits: Limits) -> list[str]:
    """What speaks against the choice, one line each."""
    lines = []
    better, teacher = better_held_out(table, taken), table.iloc[0]
    if better is not None:
        lines.append(
            f"{student_name(better)} has a higher held-out score, {better['held_out']:.1f} "
            f"against {taken['held_out']:.1f}: dev and held-out rows disagree"
        )
    if limits.drop is not None and taken["held_out_drop"] > limits.drop:
        lines.append(
            f"on held-out rows it is {taken['held_out_drop']:.1f} points below the teacher, more "
            f"than --max-drop {limits.drop:g}"
        )
    if taken["constant"]:
        lines.append(
            f"{student_name(taken)} is constant on {taken['constant']} of {taken['n']} seeds "
            "(predicts a single class): its mean says little"
        )
    if teacher["method"] == TEACHER and teacher["constant"]:
        lines.append(
            "the teacher is constant (predicts a single class): it has learnt nothing, and a "
            "drop below it means nothing"
        )
    return [f"warning: {line}" for line in lines]


def _without_shown_difference(run: Run, task: str, taken: pd.Series) -> list[str]:
    """The methods of the same depth that the paired test does not separate from this one."""
    pairs = differences(run).table
    pairs = pairs[(pairs["task"] == task) & (pairs["depth"] == taken["depth"])]
    pairs = pairs[(pairs["a"] == taken["method"]) | (pairs["b"] == taken["method"])]
    pairs = pairs[pairs["winner"].isna()]
    rivals = pairs["a"].where(pairs["a"] != taken["method"], pairs["b"])
    return [method_label(method) for method in rivals]


def _others(students: pd.DataFrame, taken: pd.Series | None) -> list[str]:
    """The students that are not taken, each with its scores and the reason."""
    lines = []
    for number, row in students.iterrows():
        if taken is not None and number == taken.name:
            continue
        reason = row["refused"] or _beside(row, taken)
        held_out = "" if pd.isna(row["held_out"]) else f", held-out {row['held_out']:.1f}"
        lines.append(f"    {student_name(row)}: {_score(row)}{held_out}; {reason}")
    return ["not taken:", *lines] if lines else []


def _beside(row: pd.Series, taken: pd.Series | None) -> str:
    """How a student that could be taken differs from the taken one."""
    assert taken is not None
    cost = _compared("costs", row["cost"], taken["cost"])
    return f"{cost}, {_compared('scores', printed(row['mean']), printed(taken['mean']))}"


def _compared(verb: str, value: float, other: float) -> str:
    return f"{verb} " + ("the same" if value == other else "less" if value < other else "more")


def _score(row: pd.Series) -> str:
    spread = "" if pd.isna(row["sd"]) else f" ± {row['sd']:.1f}"
    constant = ""
    if row["constant"]:
        constant = ", constant" + (f" on {row['constant']}" if row["constant"] < row["n"] else "")
    return f"{row['mean']:.1f}{spread} (n = {row['n']}{constant})"
