"""The tables of paired comparisons of methods."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.labels import column_label, method_label, metric_label, ordered_metrics, task_label
from analysis.rendering import Table, plain_table
from analysis.results.significance import (
    PERMUTATIONS,
    RESAMPLES,
    Differences,
    differences,
    overall,
)
from analysis.run_data.runs import Run
from analysis.tables.text import CONSTANT, NONE, constant_mark, generated_note

_MAX_ITEMS = 14  # of a list in a note
_HEADINGS = [
    *("Layers", "Method", "Against", "Task", "Difference", "95 % CI", "p", "p (Holm)"),
    *("Seeds", "Rows", "Verdict"),
]


def tables(run: Run) -> Iterator[Table]:
    """Yields the counts by pair, and every pair on every task, once two methods are complete."""
    found = differences(run)
    if found.table.empty and not found.problems:
        return
    if len(found.table):
        yield overall_table(run, found)
    yield significance_table(run, found)


def significance_table(run: Run, found: Differences) -> Table:
    """Returns one row per depth, pair and task; a verdict with a winner is bold."""
    texts = [
        {
            "Layers": str(row["depth"]),
            "Method": method_label(row["a"]),
            "Against": method_label(row["b"]),
            "Task": column_label(row["task"], row["split"]),
            "Difference": f"{_points(row)[0]} ± {_spread(row)}",
            "95 % CI": "..".join(_points(row)[1:]),
            "p": _p(row["p"]),
            "p (Holm)": _p(row["p_holm"]),
            "Seeds": str(row["seeds"]),
            "Rows": f"{row['examples']:,}",
            "Verdict": verdict(row) + constant_mark(row["constant"]),
        }
        for row in found.table.to_dict("records")
    ]
    cells = pd.DataFrame(texts, columns=_HEADINGS)
    bold = pd.DataFrame(False, index=cells.index, columns=cells.columns)
    bold["Verdict"] = found.table["winner"].notna().to_numpy()
    title = "Pairs of methods on each task: difference, interval and test"
    notes = [*(_method_notes(run, found) if len(cells) else ()), *_gaps(found)]
    notes += _constant_note(found.table["constant"])
    notes += generated_note(run)
    return Table("significance", title, found.table, cells, bold, tuple(notes))


def overall_table(run: Run, found: Differences) -> Table:
    """Returns one row per depth and pair: the number of tasks won, tied and lost."""
    numbers = overall(found.table)
    texts = [
        {
            "Layers": str(row["depth"]),
            "Method": method_label(row["a"]),
            "Against": method_label(row["b"]),
            **{name.capitalize(): str(row[name]) for name in ("won", "tied", "lost", "tasks")},
            "Verdict": _overall_verdict(row, found.table),
        }
        for row in numbers.to_dict("records")
    ]
    note = (
        "Won and lost: the tasks on which the method is shown to be better or worse than the "
        "other one, by the rule of the next table. Tied: no difference is shown, which does not "
        "mean that there is none."
    )
    title = "Are the differences real: tasks won, tied and lost"
    cells = pd.DataFrame(texts)
    return plain_table("significance-overall", title, numbers, cells, note, *generated_note(run))


def verdict(row: dict[Any, Any]) -> str:
    """Returns one row of `Differences.table` in words, with the better method first.

    For example ``PKD-Skip > KD: +1.2 points, 95 % CI 0.3..2.1, p = 0.010`` with Holm's p.
    """
    what = "no difference shown"
    if not row["differ"]:
        return f"{what}: both are right and wrong on the same rows"
    if not pd.isna(row["winner"]):
        better, worse = (row["a"], row["b"]) if row["winner"] == row["a"] else (row["b"], row["a"])
        what = f"{method_label(better)} > {method_label(worse)}"
        if row["winner"] == row["b"]:
            ends = {"low": -row["high"], "high": -row["low"]}
            row = {**row, "difference": -row["difference"], **ends}
    difference, low, high = _points(row)
    p = _p(row["p_holm"])
    equals = p if p.startswith("<") else f"= {p}"
    return f"{what}: {difference} points, 95 % CI {low}..{high}, p {equals}"


def _overall_verdict(row: dict[Any, Any], table: pd.DataFrame) -> str:
    rows = table[(table[["depth", "a", "b"]] == [row["depth"], row["a"], row["b"]]).all(axis=1)]
    parts = []
    for how, method in (("better", row["a"]), ("worse", row["b"])):
        on = rows[rows["winner"] == method]
        names = ", ".join(map(column_label, on["task"], on["split"]))
        count = f"{len(on)} of {row['tasks']}" if how == "better" else f"{len(on)}"
        parts.append(f"{how} on {count}" + (f" ({names})" if names else ""))
    return f"{parts[0]}, {parts[1]}, no difference shown on {row['tied']}"


def _points(row: dict[Any, Any]) -> tuple[str, str, str]:
    """Difference and interval, with a second decimal if one would round to zero."""
    values = [row["difference"], row["low"], row["high"]]
    digits = 2 if any(0 < abs(value) < 0.05 for value in values) else 1
    difference, low, high = (round(value, digits) + 0.0 for value in values)  # no -0.0
    sign = "+" if difference else ""
    return f"{difference:{sign}.{digits}f}", f"{low:.{digits}f}", f"{high:.{digits}f}"


def _spread(row: dict[Any, Any]) -> str:
    return NONE if pd.isna(row["sd"]) else f"{row['sd']:.1f}"


def _p(p: float) -> str:
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _method_notes(run: Run, found: Differences) -> Iterator[str]:
    table = found.table
    yield (
        "Difference ± standard deviation over the confirm seeds: the method's score minus that of "
        f"the other method, in points. The score is {_score_text(run)}, on the task's first dev "
        "split."
    )
    if (table["seeds"] > 1).any():
        yield (
            f"95 % CI: percentile bootstrap interval of the difference, {RESAMPLES:,} draws of "
            "dev rows and seeds. A seed is drawn for both methods together, because trainings "
            "with one seed share initial weights and data order. The interval covers new rows and "
            "training again, but a few seeds underestimate their spread. A simulation of two "
            "equal methods with 1,000 rows called one of them better in 2 % of cases if seeds had "
            "a standard deviation of 1 point; with 3 points it was 18 % for two seeds, 10 % for "
            "three or five, and 4 % for ten."
        )
    if (table["seeds"] == 1).any():
        yield (
            f"With one seed, the 95 % CI ({RESAMPLES:,} draws, percentile bootstrap) covers new "
            "rows only: it says nothing about training again with another seed."
        )
    yield (
        "p: paired permutation test of no difference, which swaps the two methods' predictions "
        f"for a row, all seeds together; {_tests(table)} It covers these trained models on new "
        "rows, not training again: only the interval includes the spread over seeds. p (Holm): "
        "corrected for the number of tasks of the same depth and pair."
    )
    yield (
        'Verdict: ">" if p (Holm) is below 0.05 and the interval excludes 0; it shows p (Holm). '
        "Settings and epochs were chosen on the same dev rows, from one search per cell; neither "
        "p nor the interval accounts for that choice."
    )


def _constant_note(constant: pd.Series) -> Iterator[str]:
    if constant.any():
        yield (
            f"{CONSTANT} On at least one seed, one of the two is constant (predicts a single "
            "class): the difference comes from a training that failed, not from the methods."
        )


def _gaps(found: Differences) -> Iterator[str]:
    if len(found.incomplete):
        yield f"Not compared until all confirm seeds have ended: {_incomplete(found)}."
    if found.problems:
        yield f"Predictions that could not be used: {_joined(found.problems)}."


def _tests(table: pd.DataFrame) -> str:
    random = f"{PERMUTATIONS:,} random swaps."
    if (table["test"] == "exact").all():
        return "exact, over all swaps."
    if (table["test"] == "random").all():
        return random
    return f"exact if the score is accuracy, otherwise {random}"


def _score_text(run: Run) -> str:
    """The metrics behind the score, for example ``accuracy for RTE; mcc for CoLA``."""
    tasks: dict[str, list[str]] = {}
    for task, about in run.study["tasks"].items():
        names = [
            "accuracy" if metric == "accuracy" else metric_label(metric)
            for metric in ordered_metrics(about["metrics"])
        ]
        text = names[0] if len(names) == 1 else f"the mean of {' and '.join(names)}"
        tasks.setdefault(text, []).append(task_label(task))
    if len(tasks) == 1:
        return next(iter(tasks))
    return "; ".join(f"{text} for {', '.join(names)}" for text, names in tasks.items())


def _incomplete(found: Differences) -> str:
    """The unfinished students with their seeds, by task and depth."""
    parts = []
    for (task, depth), rows in found.incomplete.groupby(["task", "depth"], sort=False):
        cells = [
            f"{method_label(row['method'])} ({row['seeds']}/{row['planned']})"
            for row in rows.to_dict("records")
        ]
        parts.append(f"{task_label(str(task))}, {depth} layers: {', '.join(cells)}")
    return _joined(parts)


def _joined(parts: list[str]) -> str:
    rest = len(parts) - _MAX_ITEMS
    return "; ".join(parts if rest <= 0 else [*parts[:_MAX_ITEMS], f"and {rest} more"])
