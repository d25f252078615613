"""The comparison as text for a terminal."""

from dataclasses import replace

import pandas as pd

from analysis.rendering import GENERATED, Table
from analysis.results.budget import budget, missing
from analysis.results.comparison import comparison, models
from analysis.results.summary import data_notes
from analysis.run_data.runs import Run
from analysis.tables.comparison import comparison_table
from analysis.tables.held_out import disagreements
from analysis.tables.held_out import tables as held_out_tables
from analysis.tables.text import CONSTANT

_MAX_NOTES = 8


def comparison_text(run: Run) -> str:
    """Returns one table per depth, with a column per model, and what a reader must know of it."""
    held_out = held_out_tables(run)
    table = comparison_table(run, comparison(run))
    for scores in held_out:
        table = _with_held_out(table, scores)
    lines = [f"*** {GENERATED} ***", ""] if run.generated else []
    for depth in run.study["depths"]:  # row 0, the teacher, appears in each table
        students = [i for i, (layers, _) in enumerate(models(run)) if i and layers == depth]
        lines += [table.only([0, *students]).transposed().text(), ""]
    lines.append("mean ± standard deviation over n confirm seeds (n), dev, percent; * best")
    if held_out:
        lines.append(
            "held-out: one model each (n = 1); the only scores that nothing was chosen by"
        )
        lines += [f"warning: {line}" for line in disagreements(run)]
    if table.cells.map(lambda text: CONSTANT in text).any(axis=None):
        lines.append(f"{CONSTANT} constant on at least one seed: predicts a single class")
    notes = data_notes(run)
    lines += [f"note on {note}" for note in notes[:_MAX_NOTES]]
    if len(notes) > _MAX_NOTES:
        lines.append(f"and {len(notes) - _MAX_NOTES} more notes on the data in the report")
    absent = missing(run)
    if absent:
        lines.append(f"not finished: {len(absent)} of {len(budget(run))} cells (per stage)")
    if run.problems:
        lines.append(
            f"{len(run.problems)} problem(s) with the files of this run, listed in the report"
        )
    return "\n".join(lines)


def _with_held_out(table: Table, scores: Table) -> Table:
    """The comparison with the columns of the table of held-out scores, whose rows are the same."""
    cells, bold = (
        frame.iloc[:, 2:].add_prefix("held-out ") for frame in (scores.cells, scores.bold)
    )
    return replace(
        table,
        cells=pd.concat([table.cells, cells], axis=1),
        bold=pd.concat([table.bold, bold], axis=1),
    )
