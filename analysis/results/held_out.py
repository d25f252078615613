"""The scores of the final models on held-out rows."""

import pandas as pd

from analysis.labels import ordered_metrics
from analysis.run_data.runs import Run, job_ends


def held_out(run: Run) -> pd.DataFrame:
    """Returns one row per model, split and metric.

    Columns: ``depth``, ``method``, ``task``, ``split``, ``metric``, ``value`` (percent).
    """
    rows = [
        {
            **{key: end[key] for key in ("depth", "method", "task")},
            **{"split": split, "metric": metric, "value": 100 * values[metric]},
        }
        for end in job_ends(run, "predict")
        if end["task"] in run.study["tasks"]
        for split, values in (end.get("metrics") or {}).items()
        for metric in ordered_metrics(list(values))
    ]
    columns = ["depth", "method", "task", "split", "metric", "value"]
    return pd.DataFrame(rows, columns=columns)
