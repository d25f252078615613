"""The paper's Table 1, and each number beside the published ones."""

from collections.abc import Iterator

import pandas as pd

from analysis.labels import column_label, method_label, metric_label, task_label
from analysis.rendering import Table, plain
from analysis.results.comparison import AVERAGE, Column, columns, comparison, models, skip_vs_last
from analysis.run_data.published import difference_from_paper
from analysis.run_data.runs import Run
from analysis.tables.text import (
    NONE,
    constant_note,
    generated_note,
    mean_sd,
    number,
    scores_of,
)


def tables(run: Run) -> Iterator[Table]:
    """The comparison, and the published numbers where they have anything in common with it."""
    numbers = comparison(run)
    yield comparison_table(run, numbers)
    yield from published_tables(run, numbers)
    yield from skip_last_tables(run, numbers)


def comparison_table(run: Run, numbers: pd.DataFrame) -> Table:
    """The paper's Table 1: a row per model, a column per task, best student of a depth bold."""
    grid = columns(run)
    averaged = bool((numbers["task"] == AVERAGE).any())
    texts, bold = [], []
    for depth, method in models(run):
        rows = numbers[(numbers["depth"] == depth) & (numbers["method"] == method)]
        text = {"Layers": str(depth), "Method": method_label(method)}
        best = dict.fromkeys(text, False)
        for column in grid:
            cell = rows[(rows["task"] == column.task) & (rows["split"] == column.split)]
            text[_heading(column)] = scores_of(cell)
            best[_heading(column)] = bool(cell["best"].any())
        if averaged:
            cell = rows[rows["task"] == AVERAGE]
            text["Average"] = f"{cell['mean'].iloc[0]:.1f}" if len(cell) else NONE
            best["Average"] = bool(cell["best"].any())
        texts.append(text)
        bold.append(best)
    return Table(
        "comparison",
        "Comparison: dev scores of each method, in percent",
        numbers,
        pd.DataFrame(texts),
        pd.DataFrame(bold),
        (*_comparison_notes(run, grid, averaged), *constant_note(numbers["constant"])),
    )


def published_tables(run: Run, numbers: pd.DataFrame) -> list[Table]:
    """Each number beside the published ones; no table where they have nothing in common."""
    if run.generated:
        return []
    known = numbers[numbers["published_dev"].notna() | numbers["published_test"].notna()]
    rows = pd.concat([known[known["task"] == task] for task in run.study["tasks"]])
    if rows.empty:
        return []
    texts = [
        {
            "Task": column_label(row["task"], row["split"]),
            "Metric": metric_label(row["metric"]),
            "Layers": str(row["depth"]),
            "Method": method_label(row["method"]),
            "This study (dev)": mean_sd(row["mean"], row["sd"]),
            "Authors (dev)": number(row["published_dev"]),
            "Difference": _difference(row["difference"], row["replication"]),
            "Paper (test server)": number(row["published_test"]),
        }
        for row in rows.to_dict("records")
    ]
    title = "Beside the published numbers, in percent"
    return [plain("published", title, rows, pd.DataFrame(texts), *_published_notes(run))]


def skip_last_tables(run: Run, numbers: pd.DataFrame) -> list[Table]:
    """The paper's Table 2; no table for a study without both layer maps, or before any score."""
    rows = skip_vs_last(numbers)
    rows = rows[rows["skip_mean"].notna() | rows["last_mean"].notna()]
    if rows.empty:
        return []
    texts = [
        {
            "Layers": str(row["depth"]),
            "Task": _place(row["task"], row["split"]),
            "Metric": metric_label(row["metric"]),
            "Skip": mean_sd(row["skip_mean"], row["skip_sd"]),
            "Last": mean_sd(row["last_mean"], row["last_sd"]),
            "Skip - Last": _signed(row["difference"]),
            "Paper: Skip": number(row["skip_published_test"]),
            "Paper: Last": number(row["last_published_test"]),
            "Paper: Skip - Last": _signed(row["published_difference"]),
        }
        for row in rows.to_dict("records")
    ]
    cells = pd.DataFrame(texts)
    if run.generated or rows["published_difference"].isna().all():
        cells = cells.drop(columns=[name for name in cells if str(name).startswith("Paper")])
        note = "Mean ± standard deviation over confirm seeds on dev, in percent."
    else:
        note = (
            "Mean ± standard deviation over confirm seeds on dev, in percent; the paper's numbers "
            "(table 2) are from the GLUE test server, so compare the differences, not the scores."
        )
    title = "Which layers to learn from: PKD-Skip and PKD-Last"
    return [plain("skip-vs-last", title, rows, cells, note, *generated_note(run))]


def _place(task: str, split: str) -> str:
    return "Average" if task == AVERAGE else column_label(task, split)


def _signed(value: float) -> str:
    if pd.isna(value):
        return NONE
    rounded = round(value, 1) + 0.0  # no -0.0
    return f"{rounded:+.1f}" if rounded else "0.0"


def _heading(column: Column) -> str:
    if len(column.metrics) == 1 and column.metrics[0] == "accuracy":
        return column.label
    return f"{column.label} {'/'.join(map(metric_label, column.metrics))}"


def _difference(difference: float, replication: bool) -> str:
    if pd.isna(difference):
        return NONE
    return f"{difference:+.1f}" if replication else f"({difference:+.1f})"


def _comparison_notes(run: Run, grid: list[Column], averaged: bool) -> Iterator[str]:
    yield (
        "Mean ± standard deviation over the confirm seeds, whose number is in parentheses: the "
        "search's winner trained afresh, the best epoch on dev. In bold the best student of each "
        "depth among the cells that are complete, by the unrounded mean."
    )
    yield (
        "The teacher is the one model that taught: the best of the teacher trials, chosen on the "
        "same dev set, so n = 1 and its score flatters."
    )
    if averaged:
        tasks = []
        for task in dict.fromkeys(column.task for column in grid):
            parts = [column for column in grid if column.task == task]
            names = [metric_label(metric) for metric in parts[0].metrics]
            over = [part.label for part in parts] if len(parts) > 1 else names
            tasks.append(task_label(task) + (f" ({', '.join(over)})" if len(over) > 1 else ""))
        yield (
            f"Average: the mean over {len(tasks)} tasks, {', '.join(tasks)}; where a task has "
            "several numbers (in parentheses), their mean counts once. Given only for models that "
            "are complete on every task."
        )
    yield from generated_note(run)


def _published_notes(run: Run) -> Iterator[str]:
    yield (
        "Authors (dev): from the results the authors released with their code, the mean over runs "
        "of the best setting; they hold accuracy only (and Matthews correlation for one CoLA "
        "model). Paper (test server): the paper's tables 1 and 2. Difference: this study minus "
        "the authors, both on dev; a test-server score is not comparable with a dev score."
    )
    if 3 in run.study["depths"]:
        yield (
            "The authors' released script for 3 layers matches teacher layers 10 and 11, which is "
            "PKD-Last, while the paper's Table 1 calls its row Skip. So the dev number stands "
            "beside PKD-Last and the paper's beside PKD-Skip; they may be the same models."
        )
    departures = {task: difference_from_paper(run.study, task) for task in run.study["tasks"]}
    for reasons in dict.fromkeys(tuple(reasons) for reasons in departures.values() if reasons):
        tasks = [task_label(task) for task, found in departures.items() if tuple(found) == reasons]
        yield (
            f"Not a replication for {', '.join(tasks)}: {', '.join(reasons)}. There the "
            "difference, in parentheses, mixes the method with encoder and data."
        )
    yield from generated_note(run)
