"""Whether the differences between methods are real, in numbers and in words."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.labels import column_label, method_label, metric_label, ordered_metrics, task_label
from analysis.rendering import Table, plain
from analysis.results.significance import (
    PERMUTATIONS,
    RESAMPLES,
    Differences,
    differences,
    overall,
)
from analysis.run_data.runs import Run
from analysis.tables.text import CONSTANT, NONE, generated_note

_MANY = 14  # of a long list, a note names so many
_HEADINGS = [
    *("Layers", "Method", "Against", "Task", "Difference", "95 % CI", "p", "p (Holm)"),
    *("Seeds", "Examples", "Verdict"),
]


def tables(run: Run) -> Iterator[Table]:
    """The count by pair, and every pair on every task; none before two methods are complete."""
    found = differences(run)
    if found.table.empty and not found.problems:
        return
    if len(found.table):
        yield overall_table(run, found)
    yield significance_table(run, found)


def significance_table(run: Run, found: Differences) -> Table:
    """One row per depth, pair and task; what is shown to be better is bold."""
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
            "Examples": f"{row['examples']:,}",
            "Verdict": verdict(row) + (f" {CONSTANT}" if row["constant"] else ""),
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
    """One row per depth and pair: on how many tasks won, tied and lost."""
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
        "Won and lost: the tasks on which the method is shown to be better or worse than the one "
        "it stands against, by the rule of the table of pairs. Tied: no difference is shown, "
        "which does not show that there is none."
    )
    title = "Is the difference real: tasks won, tied and lost"
    cells = pd.DataFrame(texts)
    return plain("significance-overall", title, numbers, cells, note, *generated_note(run))


def verdict(row: dict[Any, Any]) -> str:
    """One row of `Differences.table` in words, from the better method's side if there is one.

    For example ``PKD-Skip > KD: +1.2 points, 95 % CI 0.3..2.1, p = 0.010``; the p is Holm's.
    """
    what = "no difference shown"
    if not row["differ"]:
        return f"{what}: both are right, and wrong, on the same examples"
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
    """Difference and interval, with a second decimal if the first would hide a sign."""
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
        "Difference ± standard deviation over the seeds: the method's selection score less that "
        "of the method it stands against, in points, mean over the confirm seeds. Selection "
        f"score: {_score_text(run)}, on the task's first dev split."
    )
    if (table["seeds"] > 1).any():
        yield (
            f"95 % CI: percentile bootstrap interval of the difference, {RESAMPLES:,} draws of "
            "the dev examples and of the seeds. A seed is drawn for both methods at once, because "
            "runs of one seed share the initial weights and the order of the data. So the "
            "interval speaks about new examples and about training again, but few seeds show "
            "little of their spread: of two equal methods in a simulation with 1,000 examples, "
            "one was called better in 2 % of cases where seeds spread by 1 point, but where they "
            "spread by 3 points in 18 % with two seeds, 10 % with three or five, 4 % with ten."
        )
    if (table["seeds"] == 1).any():
        yield (
            f"With one seed the 95 % CI ({RESAMPLES:,} draws, percentile bootstrap) draws the dev "
            "examples alone: it says nothing about training again with another seed."
        )
    yield (
        "p: paired permutation test of no difference, in which the two methods' predictions of "
        f"an example are swapped, all seeds together; {_tests(table)} It speaks about these "
        "trained models on new examples, not about training again; only the interval carries the "
        "spread over seeds. p (Holm): corrected for the tasks compared of the same depth and pair."
    )
    yield (
        'Verdict: ">" where p (Holm) is below 0.05 and the interval excludes 0; the p named is '
        "Holm's. Settings and epochs were chosen on the same dev examples, from one search per "
        "cell, and neither number carries that choice."
    )


def _constant_note(constant: pd.Series) -> Iterator[str]:
    if constant.any():
        yield (
            f"{CONSTANT} On at least one seed one of the two predicts one class only: the "
            "difference is that of training that failed, not of what the methods teach."
        )


def _gaps(found: Differences) -> Iterator[str]:
    if len(found.incomplete):
        yield f"Not compared before all confirm seeds have ended: {_incomplete(found)}."
    if found.problems:
        yield f"Predictions that could not be used: {_listed(found.problems)}."


def _tests(table: pd.DataFrame) -> str:
    random = f"{PERMUTATIONS:,} random swaps."
    if (table["test"] == "exact").all():
        return "exact, over all swaps."
    if (table["test"] == "random").all():
        return random
    return f"exact where the score is accuracy, otherwise {random}"


def _score_text(run: Run) -> str:
    """Of which metrics the selection score is the mean, for example ``accuracy (MRPC: …)``."""
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
    """Task by task and depth by depth, which students lack how many seeds."""
    parts = []
    for (task, depth), rows in found.incomplete.groupby(["task", "depth"], sort=False):
        cells = [
            f"{method_label(row['method'])} ({row['seeds']}/{row['planned']})"
            for row in rows.to_dict("records")
        ]
        parts.append(f"{task_label(str(task))}, {depth} layers: {', '.join(cells)}")
    return _listed(parts)


def _listed(parts: list[str]) -> str:
    rest = len(parts) - _MANY
    return "; ".join(parts if rest <= 0 else [*parts[:_MANY], f"and {rest} more"])
