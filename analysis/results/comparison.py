"""The numbers of the paper's Table 1: every model on every task, beside the published ones.

Only confirm trials count, because the best score of a search is the maximum of many and is too
optimistic. The teacher is the exception: its row shows the model that produced the signals, n = 1.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.labels import column_label, ordered_metrics
from analysis.run_data.published import (
    TEACHER_LAYERS,
    absent_splits,
    difference_from_paper,
    lookup,
    published_task,
)
from analysis.run_data.runs import Run
from pkd.distillation.methods import TEACHER

AVERAGE = "average over tasks"  # the `task` of the macro average's rows
_ANY = 0  # depth


@dataclass(frozen=True)
class Column:
    """A column of the comparison: one task on one dev split, with the metrics in printed order."""

    task: str
    split: str
    metrics: tuple[str, ...]

    @property
    def label(self) -> str:
        """The heading, for example ``MNLI-mm``."""
        return column_label(self.task, self.split)


def columns(run: Run) -> list[Column]:
    """Returns the first dev split of each task, and the other dev splits that have scores."""
    found = []
    for task, about in run.study["tasks"].items():
        trials = run.trials[run.trials["task"] == task]
        for i, split in enumerate(about["dev_splits"]):
            names = [f"{split}/{m}" for m in about["metrics"] if f"{split}/{m}" in trials]
            if i == 0 or trials[names].notna().any(axis=None):
                found.append(Column(task, split, tuple(ordered_metrics(about["metrics"]))))
    return found


def printed_columns(run: Run) -> list[Column]:
    """Returns the columns of a table by task: `columns` and `absent_columns`."""
    tasks = list(run.study["tasks"])
    found = [*columns(run), *absent_columns(run)]
    return sorted(found, key=lambda column: tasks.index(column.task))


def absent_columns(run: Run) -> list[Column]:
    """Returns the columns of the paper's tables that the data of the study lack."""
    return [
        Column(task, split, tuple(ordered_metrics(about["metrics"])))
        for task, about in run.study["tasks"].items()
        for split in absent_splits(task, about["dev_splits"])
    ]


def teachers(run: Run) -> pd.DataFrame:
    """Returns the teacher of each task: the best trial that did not fail, one row per task.

    A trial that predicts a single class counts, here and in `winners`, only if all of them do.
    """
    return _best(run.trials[run.trials["stage"] == "teachers"], ["task"])


def winners(run: Run) -> pd.DataFrame:
    """Returns the search winner of each cell: the best trial that did not fail."""
    return _best(run.trials[run.trials["stage"] == "search"], ["task", "depth", "method"])


def confirmed(run: Run) -> pd.DataFrame:
    """Returns the complete confirm trials, the only ones with reported scores."""
    trials = run.trials
    return trials[(trials["stage"] == "confirm") & (trials["state"] == "complete")]


def comparison(run: Run) -> pd.DataFrame:
    """Returns one row per model, column and metric; scores in percent.

    Columns: ``depth``, ``method``, ``task``, ``split``, ``metric``, ``mean``, ``sd`` (ddof 1,
    missing for n = 1) and ``n`` over confirm seeds, ``planned`` seeds, ``status`` (``complete``
    or the progress so far), ``constant`` (how many of the n predict a single class), ``best``
    (whether this is the best complete student of its depth and column, by the unrounded mean of
    its metrics; needs two complete students), ``published_dev`` and ``published_test``, each with
    ``…_source``, ``difference`` (mean - published_dev), and ``replication`` (whether encoder and
    data are the published ones).

    The macro average has extra rows with `task` = `AVERAGE`: the mean over tasks of the mean over
    each task's splits and metrics; their ``constant`` is the sum over tasks. They exist in studies
    of two tasks or more, for models that are complete on every task and lack no metric.
    """
    rows: list[dict[str, Any]] = []
    taught, confirm, trials = map(_by_cell, (teachers(run), confirmed(run), run.trials))
    none = run.trials.iloc[:0]
    found = columns(run)
    for depth, method in models(run):
        for column in found:
            key = (column.task, _ANY if method == TEACHER else depth, method)
            cell = (taught if method == TEACHER else confirm).get(key, none)
            planned, status = _status(run, method, trials.get(key, none), len(cell))
            rows += _rows(depth, method, column, cell, planned, status)
    table = pd.DataFrame(rows)
    table = pd.concat([table, _macro_average(table)], ignore_index=True)
    table["best"] = _best_students(table)
    table["difference"] = table["mean"] - table["published_dev"]
    same = {task: not difference_from_paper(run.study, task) for task in run.study["tasks"]}
    table["replication"] = table["task"].map(same).fillna(False).astype(bool)
    # n and planned are missing in the rows of the average.
    return table.astype({"n": "Int64", "planned": "Int64", "constant": "Int64"})


def skip_vs_last(numbers: pd.DataFrame) -> pd.DataFrame:
    """Returns the paper's Table 2: one row per depth, column and metric.

    Args:
        numbers: What `comparison` returns.

    Returns:
        Columns ``depth``, ``task``, ``split``, ``metric``; ``mean``, ``sd``, ``n``, ``constant``
        and ``published_test`` of both methods, with the prefixes ``skip_`` and ``last_``; and
        ``difference`` and ``published_difference``, skip - last. No rows if the study lacks
        ``pkd-skip`` or ``pkd-last``.
    """
    place = ["depth", "task", "split", "metric"]
    values = ["mean", "sd", "n", "constant", "published_test"]
    students = numbers[numbers["method"].isin(["pkd-skip", "pkd-last"])]
    parts = []
    for method in ("pkd-skip", "pkd-last"):
        part = students[students["method"] == method].set_index(place)[values]
        parts.append(part.add_prefix(f"{method.removeprefix('pkd-')}_"))
    table = parts[0].join(parts[1], how="inner")
    table["difference"] = table["skip_mean"] - table["last_mean"]
    table["published_difference"] = table["skip_published_test"] - table["last_published_test"]
    return table.reset_index()


def models(run: Run) -> list[tuple[int, str]]:
    """Returns (layers, method) of each row: the teacher, then the students by depth."""
    study = run.study
    students = [(depth, method) for depth in study["depths"] for method in study["methods"]]
    return [(int(study["teacher"]["layers"]), TEACHER), *students]


def _best(trials: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    usable = trials[trials["state"].isin(["complete", "stopped"]) & trials["score"].notna()]
    all_constant = usable.groupby(by)["constant"].transform("all")
    usable = usable[~usable["constant"] | all_constant]
    return usable.loc[usable.groupby(by, sort=False)["score"].idxmax()]


def _by_cell(trials: pd.DataFrame) -> dict[Any, pd.DataFrame]:
    """The trials of each task, depth and method; teachers of any depth are at `_ANY`."""
    depths = trials["depth"].mask(trials["method"] == TEACHER, _ANY)
    return dict(list(trials.groupby([trials["task"], depths, trials["method"]], sort=False)))


def _rows(
    depth: int, method: str, column: Column, cell: pd.DataFrame, planned: int, status: str
) -> list[dict[str, Any]]:
    rows = []
    for metric in column.metrics:
        name = f"{column.split}/{metric}"
        values = 100 * cell[name].dropna() if name in cell else pd.Series(dtype=float)
        rows.append(
            {
                **{"depth": depth, "method": method, "task": column.task, "split": column.split},
                **{"metric": metric, "mean": values.mean(), "sd": values.std(ddof=1)},
                **{"n": len(values), "planned": planned, "status": status},
                "constant": int(cell["constant"].sum()),
                **_published(column, depth, method, metric),
            }
        )
    return rows


def _published(column: Column, depth: int, method: str, metric: str) -> dict[str, Any]:
    task = published_task(column.task, column.split)
    layers = TEACHER_LAYERS if method == TEACHER else depth
    dev = lookup(task, layers, method, metric, "dev")
    test = lookup(task, layers, method, metric, "test")
    return {
        "published_dev": dev.value if dev else float("nan"),
        "published_dev_source": dev.source if dev else None,
        "published_test": test.value if test else float("nan"),
        "published_test_source": test.source if test else None,
    }


def _status(run: Run, method: str, trials: pd.DataFrame, n: int) -> tuple[int, str]:
    """Trials planned for a cell, and ``complete`` or its progress so far."""
    budget = run.study["budget"]
    if method == TEACHER:
        planned = int(budget["teacher_trials"])
        ended = int((trials["state"] != "unfinished").sum())
        if ended >= planned and n:
            return 1, "complete"
        return 1, f"{ended}/{planned} trials" if len(trials) else "not run"
    planned = int(budget["confirm_seeds"])
    if n >= planned:
        return planned, "complete"
    if not len(trials):
        return planned, "not run"
    stages = trials.groupby("stage")["state"]
    if "confirm" not in stages.groups:
        searched = int(stages.get_group("search").isin(["complete", "stopped"]).sum())
        return planned, f"search {searched}/{budget['search_trials'][method]}"
    failed = int((stages.get_group("confirm") == "failed").sum())
    return planned, f"{n}/{planned} seeds" + (f", {failed} failed" if failed else "")


def _macro_average(table: pd.DataFrame) -> pd.DataFrame:
    if table["task"].nunique() < 2:
        return pd.DataFrame()
    model = ["depth", "method"]
    splits = table.groupby([*model, "task", "split"], sort=False)["mean"].mean()
    tasks = splits.groupby([*model, "task"], sort=False).mean()
    average = tasks.groupby(model, sort=False).mean()
    usable = (table["status"] == "complete") & table["mean"].notna()
    whole = usable.groupby([table[key] for key in model], sort=False).all()
    cells = table.drop_duplicates([*model, "task"]).groupby(model, sort=False)
    frame = pd.DataFrame({"mean": average, "constant": cells["constant"].sum()})[whole]
    frame = frame.reset_index()
    return frame.assign(task=AVERAGE, split="", metric="macro average", status="complete")


def _best_students(table: pd.DataFrame) -> pd.Series:
    ended = table[(table["status"] == "complete") & (table["method"] != TEACHER)]
    place = ["depth", "task", "split"]
    whole = ended["mean"].notna().groupby([ended[key] for key in [*place, "method"]])
    ended = ended[whole.transform("all")]
    value = ended.groupby([*place, "method"])["mean"].transform("mean")
    rivals = ended.groupby(place)["method"].transform("nunique")
    top = value.groupby([ended[key] for key in place]).transform("max")
    best = (value == top) & (rivals > 1)
    return best.reindex(table.index, fill_value=False)
