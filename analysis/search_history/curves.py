"""Learning curves of teacher and students on train and dev (the paper's Figure 2)."""

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.results.comparison import confirmed, teachers
from analysis.run_data.runs import Run, metric_columns

_TRIAL = ["stage", "task", "depth", "method", "trial"]
_EPOCH = ["epoch", "samples", "train_accuracy", "train_curve"]
_LINE = ["task", "depth", "method", "kind", "metric"]


def curves(run: Run) -> pd.DataFrame:
    """Returns the learning curves of the confirmed students and of their teacher, in percent.

    Columns: ``task``, ``depth``, ``method``, ``kind`` (``train`` or ``dev``), ``metric``,
    ``step`` (of the whole training, the last one that the point covers), and ``mean``, ``low``,
    ``high`` and ``n`` over seeds. Train is the accuracy over the steps since the previous point;
    dev is the accuracy on the first dev split, or the task's first metric if accuracy is not
    among its metrics. Epochs with an unknown number of steps are left out.
    """
    trained = pd.concat([teachers(run), confirmed(run)])[_TRIAL]
    metrics = metric_columns(run.reports)
    reports = run.reports[[*_TRIAL, *_EPOCH, *metrics]].merge(trained, on=_TRIAL)
    points = [point for report in reports.to_dict("records") for point in _points(run, report)]
    frame = pd.DataFrame(points, columns=[*_LINE, "step", "value"])
    values = (100 * frame["value"]).groupby([frame[key] for key in [*_LINE, "step"]], sort=False)
    table = values.agg(mean="mean", low="min", high="max", n="count").reset_index()
    return table[table["n"] > 0].reset_index(drop=True)


def _points(run: Run, report: dict[Any, Any]) -> Iterator[tuple[Any, ...]]:
    """The points of one epoch report, before seeds are averaged."""
    place = [report[key] for key in ("task", "depth", "method")]
    curve = report["train_curve"] if isinstance(report["train_curve"], list) else []
    end = curve[-1]["step"] if curve else _last_step(run, report)
    if end is None:
        return
    if not curve:
        curve = [{"step": end, "accuracy": report["train_accuracy"]}]
    for point in curve:
        yield (*place, "train", "accuracy", point["step"], point["accuracy"])
    about = run.study["tasks"][report["task"]]
    metric = "accuracy" if "accuracy" in about["metrics"] else about["metrics"][0]
    yield (*place, "dev", metric, end, report.get(f"{about['dev_splits'][0]}/{metric}"))


def _last_step(run: Run, report: dict[Any, Any]) -> int | None:
    """The step at the end of an epoch, for reports of older versions, which have no curve."""
    batch = run.study.get("config", {}).get("train", {}).get("batch_size")
    if not batch or pd.isna(report["samples"]):
        return None
    return int(report["epoch"]) * math.ceil(int(report["samples"]) / int(batch))
