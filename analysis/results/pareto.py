"""Dev score against cost (parameters or latency), with the Pareto front."""

import pandas as pd

from analysis.results.comparison import AVERAGE
from analysis.results.settings import scores_by_method
from analysis.results.sizes import sizes
from analysis.run_data.measured_times import Benchmark, speeds
from analysis.run_data.runs import Run


def pareto(run: Run, kind: str, benchmark: Benchmark | None) -> pd.DataFrame:
    """Returns the confirmed scores of students and teacher with the cost of the models.

    Args:
        run: The study.
        kind: ``parameters`` (millions, without the classifier) or ``latency``: median
            milliseconds for one row at a time, of each task's dev rows if they were measured for
            all tasks, else of rows with 128 tokens.
        benchmark: Its measured times, if any.

    Returns:
        The columns of `analysis.results.settings.scores_by_method`, ``cost``, and ``front``:
        whether no other model of the task costs as little and scores as high. With two tasks or
        more, models that are complete on every task also have a row with the mean over tasks,
        whose task is `AVERAGE`. Models of unknown cost are left out.
    """
    scores = scores_by_method(run)
    if scores.empty or (kind == "latency" and benchmark is None):
        return scores.iloc[:0].assign(cost=0.0, front=False)
    cost = _parameters(run, benchmark) if kind == "parameters" else _latency(run, benchmark)
    table = scores.merge(cost, on=["task", "depth"])
    table = pd.concat([_average(table, len(run.study["tasks"])), table], ignore_index=True)
    table["front"] = False
    for _, rows in table.groupby("task"):
        table.loc[rows.index, "front"] = on_front(rows["cost"], rows["mean"])
    return table


def on_front(cost: pd.Series, score: pd.Series) -> pd.Series:
    """Returns which models are on the front: no other costs at most as much and scores as high.

    Models that are equal in both are all on the front.
    """
    best_at = score.groupby(cost).max().sort_index()
    cheaper = best_at.cummax().shift(fill_value=float("-inf"))
    return (score == cost.map(best_at)) & (score > cost.map(cheaper))


def _parameters(run: Run, benchmark: Benchmark | None) -> pd.DataFrame:
    counts = sizes(run, benchmark)[["depth", "total"]].dropna()
    counts = counts.assign(cost=counts["total"] / 1e6).drop(columns="total")
    return counts.merge(pd.DataFrame({"task": list(run.study["tasks"])}), how="cross")


def _latency(run: Run, benchmark: Benchmark | None) -> pd.DataFrame:
    assert benchmark is not None
    columns = ["task", "depth", "cost", "own_rows"]
    alone = speeds(benchmark)
    alone = alone[alone["batch_size"] == 1].rename(columns={"ms": "cost"})
    tasks = pd.DataFrame({"task": list(run.study["tasks"])})
    own = alone[alone["task"].isin(tasks["task"])]
    if set(own["task"]) == set(tasks["task"]):
        return own.assign(own_rows=True)[columns]
    fixed = alone[alone["task"] == ""].drop(columns="task")
    return fixed.merge(tasks, how="cross").assign(own_rows=False)[columns]


def _average(table: pd.DataFrame, tasks: int) -> pd.DataFrame:
    whole = table[table["n"] >= table["planned"]]
    models = whole.groupby(["depth", "method"], sort=False)
    average = models[["mean", "cost"]].mean()[models.size() == tasks].reset_index()
    average = average.assign(task=AVERAGE, sd=float("nan"), n=1, planned=1)
    average["constant"] = models["constant"].sum()[models.size() == tasks].to_numpy()
    if "own_rows" in table:
        average["own_rows"] = bool(table["own_rows"].all())
    return average[table.columns] if tasks > 1 else average.iloc[:0]
