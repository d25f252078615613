"""The comparison as text for a terminal."""

from analysis.rendering import GENERATED
from analysis.results.budget import budget, missing
from analysis.results.comparison import comparison, models
from analysis.run_data.runs import Run
from analysis.tables.comparison import comparison_table


def comparison_text(run: Run) -> str:
    """Returns one table per depth, with a column per model, and how much is unfinished."""
    table = comparison_table(run, comparison(run))
    lines = [f"*** {GENERATED} ***", ""] if run.generated else []
    for depth in run.study["depths"]:  # row 0, the teacher, appears in each table
        students = [i for i, (layers, _) in enumerate(models(run)) if i and layers == depth]
        lines += [table.only([0, *students]).transposed().text(), ""]
    lines.append("mean ± standard deviation over n confirm seeds (n), dev, percent; * best")
    absent = missing(run)
    if absent:
        lines.append(f"not finished: {len(absent)} of {len(budget(run))} cells (per stage)")
    if run.problems:
        lines.append(f"{len(run.problems)} damaged or unusable files, listed in the report")
    return "\n".join(lines)
