"""The table of scores on held-out rows."""

from collections.abc import Iterator

import pandas as pd

from analysis.labels import column_label, method_label, metric_label, task_label
from analysis.rendering import Table, plain_table
from analysis.results.choice import Limits, better_held_out, candidates, choose
from analysis.results.comparison import models
from analysis.results.held_out import held_out
from analysis.run_data.runs import Run
from analysis.tables.text import NONE, constant_mark, constant_note, generated_note, number

_NOTE = (
    "In percent, on labelled rows that played no part in choosing epochs, hyperparameters or "
    "seeds: the only scores that nothing was chosen by. Each row is one model (n = 1): the "
    "teacher of the students, and for each student the confirm seed with the best dev score. The "
    "table shows how good these models are; it says little about the methods."
)


def tables(run: Run) -> list[Table]:
    """Returns the table, or nothing if no task has held-out rows."""
    numbers = held_out(run)
    if numbers.empty:
        return []
    places = {
        (str(task), str(split)): f"{column_label(str(task), str(split))} "
        + "/".join(map(metric_label, dict.fromkeys(place["metric"])))
        for (task, split), place in numbers.groupby(["task", "split"], sort=False)
    }
    texts = []
    for depth, method in models(run):
        rows = numbers[(numbers["depth"] == depth) & (numbers["method"] == method)]
        text = [str(depth), method_label(method)]
        for task, split in places:
            values = rows[(rows["task"] == task) & (rows["split"] == split)]
            score = " / ".join(map(number, values["value"])) or NONE
            text.append(score + constant_mark(values["constant"].any()))
        texts.append(text)
    # A list, because two columns may have one heading.
    cells = pd.DataFrame(texts, columns=["Layers", "Method", *places.values()])
    title = "Held-out rows: scores of the final models"
    notes = [_NOTE, *(f"{line}." for line in disagreements(run))]
    notes += [*constant_note(numbers["constant"]), *generated_note(run)]
    return [plain_table("held-out", title, numbers, cells, *notes)]


def disagreements(run: Run) -> Iterator[str]:
    """Yields a sentence for each task whose best student on dev is not the best held out."""
    for task in run.study["tasks"]:
        table = candidates(run, task, Limits(), None)
        taken = choose(table, Limits())
        better = None if taken is None else better_held_out(table, taken)
        if taken is not None and better is not None:
            yield (
                f"{task_label(task)}: {student_name(taken)}, has the best mean dev score, but "
                f"{student_name(better)}, a higher held-out score: {better['held_out']:.1f} "
                f"against {taken['held_out']:.1f}"
            )


def student_name(row: pd.Series) -> str:
    """Returns method and depth of a row of `analysis.results.choice.candidates`."""
    return f"{method_label(row['method'])}, {row['depth']} layers"
