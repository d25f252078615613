"""The answer of ``pkd-study choose``: which student to take, and why not the others."""

import math

import pandas as pd

from analysis.labels import method_label, task_label
from analysis.rendering import GENERATED, shell_path
from analysis.results.choice import Limits, candidates, choose
from analysis.results.significance import differences
from analysis.run_data.measured_times import Benchmark, load_benchmark
from analysis.run_data.runs import Run
from pkd.distillation.methods import TEACHER
from pkd.errors import InputError
from pkd.files.run_format import BENCHMARK_FILE


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
            number that was not measured.
    """
    benchmark = _benchmark(run, task, limits)
    table = candidates(run, task, limits, benchmark)
    students = table[table["method"] != TEACHER]
    _check_limits(run, task, limits, students)
    lines = [f"*** {GENERATED} ***", ""] if run.generated else []
    taken = choose(table, limits)
    if taken is None:
        why = f"no student satisfies {limits}" if str(limits) else "no student can be taken yet"
        lines += [f"{task_label(task)}: {why}"]
        lines += ["", *_others(students, None)]
        return "\n".join([*lines, "", "Loosen a limit, or add depths to the study."]), False
    lines += _description(run, task, table, taken, benchmark)
    lines += ["", *_reasons(run, task, students, taken, limits), "", *_others(students, taken)]
    name = f"{taken['method']}-{taken['depth']}"
    lines += [
        "",
        "export it:",
        f"    pkd-study export {shell_path(run.path)} --task {task} --student {name} "
        "--to DIR --onnx --int8",
    ]
    return "\n".join(lines), True


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
    return f"pkd-study benchmark {shell_path(run.path)} --task {task}"


def _description(
    run: Run, task: str, table: pd.DataFrame, taken: pd.Series, benchmark: Benchmark | None
) -> list[str]:
    about, teacher = run.study["tasks"][task], table.iloc[0]
    metrics = " and ".join(about["metrics"])
    metrics = f"mean of {metrics}" if len(about["metrics"]) > 1 else metrics
    score = f"  score       {_score(taken)}: {metrics} on {about['dev_splits'][0]}, percent"
    if teacher["method"] == TEACHER:
        score += f"; teacher {_score(teacher)}, drop {taken['drop']:.1f}"
    lines = [f"{task_label(task)}: take {_name(taken)}", score]
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


def _share_of_teacher(teacher: pd.Series, taken: pd.Series, column: str) -> str:
    ratio = taken[column] / teacher[column] if teacher["method"] == TEACHER else math.nan
    return "" if math.isnan(ratio) else f", {ratio:.2f} of the teacher's"


def _reasons(
    run: Run, task: str, students: pd.DataFrame, taken: pd.Series, limits: Limits
) -> list[str]:
    fits, front = students[students["refused"] == ""], students[students["front"]]
    cheapest = limits.drop is not None and not limits.cost
    limited = f"that satisfy {limits}" if str(limits) else "that are complete"
    lines = [
        f"why: {'the cheapest' if cheapest else 'the best mean score'} among the {len(front)} "
        f"student(s) on the Pareto front of the {len(fits)} student(s) {limited}"
    ]
    similar = _without_shown_difference(run, task, taken)
    if similar:
        lines.append(
            f"     no difference shown on dev (same depth, paired test): {', '.join(similar)}"
        )
    if taken["n"] < 3:
        lines.append(f"     n = {taken['n']} seed(s): a difference of one point may be chance")
    return lines


def _without_shown_difference(run: Run, task: str, taken: pd.Series) -> list[str]:
    """The methods of the same depth that the paired test does not separate from this one."""
    pairs = differences(run).table
    pairs = pairs[(pairs["task"] == task) & (pairs["depth"] == taken["depth"])]
    pairs = pairs[(pairs["a"] == taken["method"]) | (pairs["b"] == taken["method"])]
    pairs = pairs[pairs["winner"].isna()]
    rivals = pairs["a"].where(pairs["a"] != taken["method"], pairs["b"])
    return [method_label(method) for method in rivals]


def _others(students: pd.DataFrame, taken: pd.Series | None) -> list[str]:
    """The students that are not taken, each with the reason."""
    lines = []
    for number, row in students.iterrows():
        if taken is not None and number == taken.name:
            continue
        reason = row["refused"] or _why_not_best(row, taken)
        lines.append(f"    {_name(row)}: {_score(row)}; {reason}")
    return ["not taken:", *lines] if lines else []


def _why_not_best(row: pd.Series, taken: pd.Series | None) -> str:
    if not row["front"]:
        return "another student costs no more and scores as high or higher"
    assert taken is not None
    if row["mean"] == taken["mean"]:
        return "costs and scores the same"
    return "costs less, scores less" if row["mean"] < taken["mean"] else "costs more, scores more"


def _name(row: pd.Series) -> str:
    return f"{method_label(row['method'])}, {row['depth']} layers"


def _score(row: pd.Series) -> str:
    spread = "" if pd.isna(row["sd"]) else f" ± {row['sd']:.1f}"
    return f"{row['mean']:.1f}{spread} (n = {row['n']})"
