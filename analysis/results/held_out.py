"""The scores of the final models on held-out rows."""

import math

import pandas as pd

from analysis.labels import ordered_metrics
from analysis.results.comparison import confirmed, teachers
from analysis.run_data.runs import Run
from pkd.files.ledger.predictions import final_predictions

_MODEL = ["task", "depth", "method"]


def held_out(run: Run) -> pd.DataFrame:
    """Returns one row per model, split and metric.

    The scores of an earlier model, or on other rows than the study has now, are left out.

    Columns: ``depth``, ``method``, ``task``, ``split``, ``metric``, ``value`` (percent), and
    ``constant``: whether the model predicts a single class on dev.
    """
    rows = [
        {
            **{"depth": model.depth, "method": model.method, "task": model.task},
            **{"split": split, "metric": metric, "value": _percent(values[metric])},
        }
        for model in final_predictions(run.path, run.study).values()
        if model.flaw is None
        for split, values in model.metrics.items()
        for metric in ordered_metrics(list(values))
    ]
    columns = ["depth", "method", "task", "split", "metric", "value"]
    table = pd.DataFrame(rows, columns=columns)
    # A model that learnt something is preferred, so the final one is constant if all are.
    trained = pd.concat([teachers(run), confirmed(run)])
    constant = trained.groupby(_MODEL)["constant"].all()
    found = [constant.get(tuple(model), False) for model in table[_MODEL].to_numpy()]
    return table.assign(constant=pd.Series(found, index=table.index, dtype=bool))


def held_out_scores(run: Run) -> pd.Series:
    """Returns one number per model: the mean over held-out splits of the mean of their metrics.

    Returns:
        Percent, by ``task``, ``depth`` and ``method``; a model without such a score has no entry.
    """
    table = held_out(run)
    splits = table.groupby([*_MODEL, "split"])["value"].agg(
        lambda values: values.mean(skipna=False)
    )
    return splits.groupby(_MODEL).mean()


def _percent(value: float | None) -> float:
    return math.nan if value is None else 100 * value
