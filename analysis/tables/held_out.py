"""The table of scores on held-out rows."""

import pandas as pd

from analysis.labels import column_label, method_label, metric_label
from analysis.rendering import Table, plain_table
from analysis.results.comparison import models
from analysis.results.held_out import held_out
from analysis.run_data.runs import Run
from analysis.tables.text import NONE, generated_note, number

_NOTE = (
    "In percent, on labelled rows that played no part in choosing epochs, hyperparameters or "
    "seeds. Each row is one model (n = 1): the teacher of the students, and for each student "
    "the confirm seed with the best dev score. The table shows how good these models are; it "
    "says little about the methods."
)


def tables(run: Run) -> list[Table]:
    """Returns the table, or nothing if no task has held-out rows."""
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
    return [plain_table("held-out", title, numbers, cells, _NOTE, *generated_note(run))]
