"""The report's tables: how the collected numbers are laid out, and what the notes say."""

from collections.abc import Iterator

import pandas as pd

from analysis.budget import budget, budget_by_method
from analysis.comparison import AVERAGE, Column, columns, comparison, models
from analysis.labels import (
    SETTINGS,
    column_label,
    method_label,
    metric_label,
    setting_text,
    task_label,
)
from analysis.published import difference_from_paper
from analysis.rendering import GENERATED, Table, plain
from analysis.runs import Run
from analysis.settings import best_settings

NONE = "–"  # printed where there is no number


def all_tables(run: Run) -> list[Table]:
    """Every table of the report, in its order."""
    numbers = comparison(run)
    return [
        comparison_table(run, numbers),
        *published_tables(run, numbers),
        best_settings_table(run),
        *budget_tables(run),
    ]


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
            text[_heading(column)] = _scores(cell)
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
        tuple(_comparison_notes(run, grid, averaged)),
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
            "This study (dev)": _mean_sd(row["mean"], row["sd"]),
            "Authors (dev)": _number(row["published_dev"]),
            "Difference": _difference(row["difference"], row["replication"]),
            "Paper (test server)": _number(row["published_test"]),
        }
        for row in rows.to_dict("records")
    ]
    title = "Beside the published numbers, in percent"
    return [plain("published", title, rows, pd.DataFrame(texts), *_published_notes(run))]


def best_settings_table(run: Run) -> Table:
    """The search winner of each cell."""
    numbers = best_settings(run)
    cells = pd.DataFrame(
        {
            "Task": numbers["task"].map(task_label),
            "Layers": numbers["depth"].astype(str),
            "Method": numbers["method"].map(method_label),
            **{
                SETTINGS.get(name, name).partition(" (")[0]: numbers[name].map(setting_text)
                for name in run.settings
            },
            "Best epoch": numbers["best_epoch"].map("{:.0f}".format, na_action="ignore"),
            "Search score": numbers["search_score"].map(_number),
            "Trials": numbers["trials"].astype(str),
        }
    ).fillna(NONE)
    return plain(
        "best-settings",
        "Best hyperparameters of each cell",
        numbers,
        cells,
        "The winner of the search: the best dev score of the trials that did not fail. The score "
        "is the maximum over the trials, so it flatters; the comparison uses fresh seeds instead.",
        *_generated(run),
    )


def budget_tables(run: Run) -> list[Table]:
    """What each method and each cell was given, and what it used."""
    cells = budget(run)
    note = (
        "Done = ended without failing, trials that the scheduler stopped early included. Hours "
        "add up the trials' own wall-clock time; trials that share a device count each."
    )
    return [
        plain(
            "budget-by-method",
            "Budget by stage and method: were the methods tuned equally?",
            budget_by_method(cells),
            _budget_cells(budget_by_method(cells)),
            note,
        ),
        plain("budget", "Budget of each cell", cells, _budget_cells(cells), note),
    ]


def _budget_cells(numbers: pd.DataFrame) -> pd.DataFrame:
    cells = {"Stage": numbers["stage"]}
    if "task" in numbers:
        cells |= {"Task": numbers["task"].map(task_label), "Layers": numbers["depth"].astype(str)}
    cells["Method"] = numbers["method"].map(method_label)
    cells["Done"] = numbers["done"].astype(str) + "/" + numbers["planned"].astype(str)
    for name in ("stopped", "failed", "unfinished", "epochs"):
        heading = "Stopped early" if name == "stopped" else name.capitalize()
        cells[heading] = numbers[name].astype(str)
    cells["Device hours"] = numbers["device_hours"].map("{:.2f}".format)
    return pd.DataFrame(cells)


def _heading(column: Column) -> str:
    if len(column.metrics) == 1 and column.metrics[0] == "accuracy":
        return column.label
    return f"{column.label} {'/'.join(map(metric_label, column.metrics))}"


def _scores(cell: pd.DataFrame) -> str:
    """One cell: a mean ± sd per metric and n, or how far the cell has come."""
    status, n = cell["status"].iloc[0], int(cell["n"].max())
    if not n:
        return NONE if status == "complete" else str(status)
    text = " / ".join(map(_mean_sd, cell["mean"], cell["sd"]))
    return f"{text} ({n if status == 'complete' else status})"


def _mean_sd(mean: float, sd: float) -> str:
    return NONE if pd.isna(mean) else f"{mean:.1f} ± {_number(sd)}"


def _difference(difference: float, replication: bool) -> str:
    if pd.isna(difference):
        return NONE
    return f"{difference:+.1f}" if replication else f"({difference:+.1f})"


def _number(value: float) -> str:
    return NONE if pd.isna(value) else f"{value:.1f}"


def _generated(run: Run) -> list[str]:
    return [GENERATED] if run.generated else []


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
    yield from _generated(run)


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
    yield from _generated(run)
