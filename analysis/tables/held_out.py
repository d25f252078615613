"""How the final models score on rows that nothing was selected by."""

import pandas as pd

from analysis.labels import column_label, method_label, metric_label, ordered_metrics
from analysis.rendering import Table, plain
from analysis.results.comparison import models
from analysis.run_data.runs import Run, job_ends
from analysis.tables.text import NONE, generated_note, number

_NOTE = (
    "In percent, on labelled rows that no epoch, setting or seed was chosen by. Each row is one "
    "model, n = 1: the teacher that taught, and of each student the confirm seed that is best on "
    "dev; so it says how good that model is, and little about the method."
)


def tables(run: Run) -> list[Table]:
    """The models' scores; no table for a study whose tasks hold nothing out."""
    numbers = held_out(run)
    if numbers.empty:
        return []
    texts = []
    for depth, method in models(run):
        rows = numbers[(numbers["depth"] == depth) & (numbers["method"] == method)]
        text = {"Layers": str(depth), "Method": method_label(method)}
        for (task, split), place in numbers.groupby(["task", "split"], sort=False):
            metrics = list(dict.fromkeys(place["metric"]))
            values = rows[(rows["task"] == task) & (rows["split"] == split)]
            heading = (
                f"{column_label(str(task), str(split))} {'/'.join(map(metric_label, metrics))}"
            )
            text[heading] = " / ".join(map(number, values["value"])) or NONE
        texts.append(text)
    cells = pd.DataFrame(texts)
    title = "Held-out rows: scores of the final models"
    return [plain("held-out", title, numbers, cells, _NOTE, *generated_note(run))]


def held_out(run: Run) -> pd.DataFrame:
    """One row per model, split and metric.

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
