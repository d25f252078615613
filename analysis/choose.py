"""Name the student to take: ``python -m analysis.choose RUN_DIR --task T [limits]``.

Of the students whose confirm seeds are complete and that keep to the limits, those on the Pareto
front of dev score against cost are weighed (latency, where the run holds a ``benchmark.json``,
else parameters). With a limit on latency or parameters the best score is taken, with
``--max-drop`` alone the cheapest, without any the best score. Exit code 1: nothing fits.
"""

import argparse
import math
import sys
from pathlib import Path

import pandas as pd

from analysis.labels import method_label, task_label
from analysis.rendering import GENERATED, shell_path
from analysis.results.choice import Limits, candidates, choose
from analysis.results.significance import differences
from analysis.run_data.measured_times import FILE, Benchmark, load_benchmark
from analysis.run_data.runs import Run, RunError, load_run
from pkd.distillation.methods import TEACHER


class ChoiceError(ValueError):
    """Nothing can be chosen as asked; the text says why and what to do."""


def answer(run: Run, task: str, limits: Limits) -> tuple[str, bool]:
    """What to take and why, in words, and whether anything fits.

    Raises:
        ChoiceError: The task is unknown, nothing of it is confirmed yet, or what a limit needs
            has not been measured.
    """
    benchmark = _benchmark(run, task, limits)
    table = candidates(run, task, limits, benchmark)
    students = table[table["method"] != TEACHER]
    if students.empty:
        raise ChoiceError(
            f"{run.path} holds no confirmed student of {task} yet: go on with the study"
        )
    if limits.drop is not None and students["drop"].isna().all():
        raise ChoiceError(
            f"--max-drop needs the teacher's score, but {run.path} has none of {task}"
        )
    if limits.parameters is not None and students["parameters"].isna().all():
        raise ChoiceError(
            f"--max-parameters needs the models' sizes, which {run.path} does not tell: measure "
            f"with `{_measure(run, task)}`"
        )
    lines = [f"*** {GENERATED} ***", ""] if run.generated else []
    taken = choose(table, limits)
    if taken is None:
        lines += [f"{task_label(task)}: no student keeps to {limits or 'its seeds'}"]
        lines += ["", *_refused(students, None)]
        return "\n".join([*lines, "", "Loosen a limit, or add depths to the study."]), False
    lines += _portrait(run, task, table, taken, benchmark)
    lines += ["", *_why(run, task, students, taken, limits), "", *_refused(students, taken)]
    name = f"{taken['method']}-{taken['depth']}"
    lines += [
        "",
        "ship it:",
        f"    python -m pkd.export {shell_path(run.path)} --task {task} --student {name} "
        "--to DIR --onnx --int8",
    ]
    return "\n".join(lines), True


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 0, 1 where nothing fits, or 2 for what cannot be asked."""
    options = _parser().parse_args(arguments)
    try:
        limits = Limits(options.max_latency_ms, options.max_drop, options.max_parameters)
        run = load_run(options.run_dir)
        text, found = answer(run, options.task, limits)
    except (RunError, ChoiceError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for problem in run.problems:
        print(f"warning: {problem}", file=sys.stderr)
    print(text)
    return 0 if found else 1


def _benchmark(run: Run, task: str, limits: Limits) -> Benchmark | None:
    if task not in run.study["tasks"]:
        raise ChoiceError(
            f"--task is {task!r}, but this study has {', '.join(run.study['tasks'])}"
        )
    benchmark, problem = load_benchmark(run.path)
    if benchmark is None and limits.latency is not None:
        raise ChoiceError(
            f"--max-latency-ms is {limits.latency:g}, but {run.path} has no times: "
            f"{problem or f'there is no {FILE} yet'}. Measure with `{_measure(run, task)}`, where "
            "the student is to run, then ask again"
        )
    return benchmark


def _measure(run: Run, task: str) -> str:
    return f"python -m pkd.benchmark {shell_path(run.path)} --task {task}"


def _portrait(
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
            + _of_teacher(teacher, taken, "ms")
            + f"; {benchmark.conditions}"
        )
    else:
        lines.append(f"  latency     not measured: `{_measure(run, task)}`")
    if not math.isnan(taken["parameters"]):
        lines.append(
            f"  parameters  {taken['parameters'] / 1e6:.1f} million"
            + _of_teacher(teacher, taken, "parameters")
            + "; the classifier not counted"
        )
    return lines


def _of_teacher(teacher: pd.Series, taken: pd.Series, column: str) -> str:
    ratio = taken[column] / teacher[column] if teacher["method"] == TEACHER else math.nan
    return "" if math.isnan(ratio) else f", {ratio:.2f} of the teacher's"


def _why(
    run: Run, task: str, students: pd.DataFrame, taken: pd.Series, limits: Limits
) -> list[str]:
    fits, front = students[students["refused"] == ""], students[students["front"]]
    cheapest = limits.drop is not None and not limits.cost
    limited = f" that keep to {limits}" if str(limits) else ""
    lines = [
        f"why: {'the cheapest' if cheapest else 'the best mean score'} of {len(front)} student(s) "
        f"on the Pareto front, of {len(fits)}{limited}"
    ]
    alike = _not_told_apart(run, task, taken)
    if alike:
        lines.append(
            f"     not told apart from it on dev (same depth, paired test): {', '.join(alike)}"
        )
    if taken["n"] < 3:
        lines.append(f"     n = {taken['n']} seed(s): a difference of a point may be chance")
    return lines


def _not_told_apart(run: Run, task: str, taken: pd.Series) -> list[str]:
    pairs = differences(run).table
    pairs = pairs[(pairs["task"] == task) & (pairs["depth"] == taken["depth"])]
    pairs = pairs[(pairs["a"] == taken["method"]) | (pairs["b"] == taken["method"])]
    pairs = pairs[pairs["winner"].isna()]
    rivals = pairs["a"].where(pairs["a"] != taken["method"], pairs["b"])
    return [method_label(method) for method in rivals]


def _refused(students: pd.DataFrame, taken: pd.Series | None) -> list[str]:
    lines = []
    for number, row in students.iterrows():
        if taken is not None and number == taken.name:
            continue
        why = row["refused"]
        if not why:
            why = _beaten(row, taken)
        lines.append(f"    {_name(row)}: {_score(row)}; {why}")
    return ["not taken:", *lines] if lines else []


def _beaten(row: pd.Series, taken: pd.Series | None) -> str:
    if not row["front"]:
        return "another that costs no more scores as high or higher"
    assert taken is not None
    if row["mean"] == taken["mean"]:
        return "costs and scores the same"
    return "costs less, scores less" if row["mean"] < taken["mean"] else "costs more, scores more"


def _name(row: pd.Series) -> str:
    return f"{method_label(row['method'])}, {row['depth']} layers"


def _score(row: pd.Series) -> str:
    spread = "" if pd.isna(row["sd"]) else f" ± {row['sd']:.1f}"
    return f"{row['mean']:.1f}{spread} (n = {row['n']})"


def _limit(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number >= 0")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m analysis.choose",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run_dir", metavar="RUN_DIR", type=Path, help="what study/run.py wrote")
    parser.add_argument("--task", required=True, help="a task of the study")
    parser.add_argument(
        "--max-latency-ms", metavar="MS", type=_limit, help="for one row at a time"
    )
    parser.add_argument(
        "--max-drop", metavar="POINTS", type=_limit, help="below the teacher's dev score"
    )
    parser.add_argument(
        "--max-parameters", metavar="N", type=_limit, help="e.g. 70e6; classifier not counted"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
