"""The tables of scores: the paper's Tables 1 and 2, and each number beside the published ones."""

from collections.abc import Iterator

import pandas as pd

from analysis.labels import column_label, method_label, metric_label, task_label
from analysis.rendering import Table, plain_table
from analysis.results.comparison import (
    AVERAGE,
    Column,
    absent_columns,
    columns,
    comparison,
    models,
    printed_columns,
    skip_vs_last,
)
from analysis.run_data.published import difference_from_paper
from analysis.run_data.runs import Run
from analysis.tables.text import (
    ABSENT,
    NONE,
    constant_mark,
    constant_note,
    generated_note,
    mean_sd,
    number,
    scores_of,
)


def tables(run: Run) -> Iterator[Table]:
    """Yields the comparison and, if they apply, the tables of published numbers and layer maps."""
    numbers = comparison(run)
    yield comparison_table(run, numbers)
    yield from published_tables(run, numbers)
    yield from skip_last_tables(run, numbers)


def comparison_table(run: Run, numbers: pd.DataFrame) -> Table:
    """Returns the paper's Table 1: a row per model, a column per task, the best student bold."""
    averaged = bool((numbers["task"] == AVERAGE).any())
    texts, bold = [], []
    found = printed_columns(run)
    for depth, method in models(run):
        rows = numbers[(numbers["depth"] == depth) & (numbers["method"] == method)]
        text: dict[str | Column, str] = {"Layers": str(depth), "Method": method_label(method)}
        best: dict[str | Column, bool] = dict.fromkeys(text, False)
        for column in found:
            cell = rows[(rows["task"] == column.task) & (rows["split"] == column.split)]
            text[column] = scores_of(cell)
            best[column] = bool(cell["best"].any())
        if averaged:
            cell = rows[rows["task"] == AVERAGE]
            text["Average"] = NONE
            if len(cell):
                mark = constant_mark(cell["constant"].iloc[0])
                text["Average"] = f"{cell['mean'].iloc[0]:.1f}{mark}"
            best["Average"] = bool(cell["best"].any())
        texts.append(text)
        bold.append(best)
    # Two columns may have one heading: they are kept apart until here.
    headings = {column: _heading(column) for column in found}
    return Table(
        "comparison",
        "Comparison: dev scores of each method, in percent",
        numbers,
        pd.DataFrame(texts).rename(columns=headings),
        pd.DataFrame(bold).rename(columns=headings),
        (
            *_comparison_notes(run, columns(run), averaged),
            *_absent_note(absent_columns(run)),
            *constant_note(numbers["constant"]),
        ),
    )


def published_tables(run: Run, numbers: pd.DataFrame) -> list[Table]:
    """Returns each number beside the published ones; no table if no published number applies."""
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
            "This study (dev)": mean_sd(row["mean"], row["sd"], row["constant"]),
            "Authors (dev)": number(row["published_dev"]),
            "Difference": _difference(row["difference"], row["replication"]),
            "Paper (test server)": number(row["published_test"]),
        }
        for row in rows.to_dict("records")
    ]
    title = "Beside the published numbers, in percent"
    notes = [*_published_notes(run), *_absent_note(absent_columns(run))]
    notes += constant_note(rows["constant"])
    return [plain_table("published", title, rows, pd.DataFrame(texts), *notes)]


def skip_last_tables(run: Run, numbers: pd.DataFrame) -> list[Table]:
    """Returns the paper's Table 2; no table without scores of PKD-Skip or PKD-Last."""
    rows = skip_vs_last(numbers)
    rows = rows[rows["skip_mean"].notna() | rows["last_mean"].notna()]
    if rows.empty:
        return []
    texts = [
        {
            "Layers": str(row["depth"]),
            "Task": _column_name(row["task"], row["split"]),
            "Metric": metric_label(row["metric"]),
            "Skip": mean_sd(row["skip_mean"], row["skip_sd"], row["skip_constant"]),
            "Last": mean_sd(row["last_mean"], row["last_sd"], row["last_constant"]),
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
            "(table 2) are from the GLUE test server: compare the differences, not the scores."
        )
    title = "Which teacher layers to learn from: PKD-Skip and PKD-Last"
    notes = [note, *_absent_note(absent_columns(run))]
    notes += constant_note(rows["skip_constant"] + rows["last_constant"])
    return [plain_table("skip-vs-last", title, rows, cells, *notes, *generated_note(run))]


def _absent_note(absent: list[Column]) -> list[str]:
    return [
        f"{column.label}: {ABSENT}. The study had no rows of the split {column.split}, so it has "
        "no score there."
        for column in absent
    ]


def _column_name(task: str, split: str) -> str:
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
        "Mean ± standard deviation over the confirm seeds, with their number in parentheses. Each "
        "seed is a new training with the settings of the search winner, scored at its best epoch "
        "on dev. Bold: the best student of each depth among the complete cells, by the unrounded "
        "mean."
    )
    yield (
        "The teacher row shows the model that produced the signals: the best teacher trial (n = "
        "1). It was chosen on the same dev set, so its score is optimistic."
    )
    if averaged:
        tasks = []
        for task in dict.fromkeys(column.task for column in grid):
            parts = [column for column in grid if column.task == task]
            names = [metric_label(metric) for metric in parts[0].metrics]
            over = [part.label for part in parts] if len(parts) > 1 else names
            tasks.append(task_label(task) + (f" ({', '.join(over)})" if len(over) > 1 else ""))
        yield (
            f"Average: the mean over {len(tasks)} tasks, {', '.join(tasks)}. A task with several "
            "numbers (in parentheses) counts once, with their mean. Only models that are complete "
            "on every task have an average."
        )
    yield from generated_note(run)


def _published_notes(run: Run) -> Iterator[str]:
    yield (
        "Authors (dev): from the results that the authors released with their code, the mean over "
        "all trainings with the best setting. They contain accuracy only (and Matthews "
        "correlation for one CoLA model). Paper (test server): the paper's tables 1 and 2. "
        "Difference: this study minus the authors, both on dev; a score of the test server is not "
        "comparable with a dev score."
    )
    if 3 in run.study["depths"]:
        yield (
            "For 3 layers, the authors' released script learns from teacher layers 10 and 11, "
            "which is PKD-Last, but the paper's Table 1 calls this row Skip. The authors' dev "
            "number is therefore in the row of PKD-Last and the paper's number in the row of "
            "PKD-Skip; both may come from the same models."
        )
    departures = {task: difference_from_paper(run.study, task) for task in run.study["tasks"]}
    for reasons in dict.fromkeys(tuple(reasons) for reasons in departures.values() if reasons):
        tasks = [task_label(task) for task, found in departures.items() if tuple(found) == reasons]
        yield (
            f"Not a replication for {', '.join(tasks)}: {', '.join(reasons)}. The difference, in "
            "parentheses, then has other causes besides the method."
        )
    yield from generated_note(run)
