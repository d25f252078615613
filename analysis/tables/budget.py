"""The tables of the budget: what each method and each cell planned and used."""

import pandas as pd

from analysis.labels import method_label, task_label
from analysis.rendering import Table, plain_table
from analysis.results.budget import budget, budget_by_method
from analysis.run_data.runs import Run
from analysis.tables.text import NONE


def tables(run: Run) -> list[Table]:
    """Returns the budget by method and by cell."""
    cells = budget(run)
    note = (
        "Done: trials that ended without failing, including those that the scheduler stopped "
        "early. Constant: done trials that predict a single class; the search replaces these "
        "and failed trials, with at most as many extra trials as planned ones. Device hours: the "
        "sum of the trials' wall-clock times; trials that share a device count in full."
    )
    return [
        plain_table(
            "budget-by-method",
            "Budget by stage and method: were the methods tuned equally?",
            budget_by_method(cells),
            _budget_cells(budget_by_method(cells)),
            note,
        ),
        plain_table("budget", "Budget of each cell", cells, _budget_cells(cells), note),
    ]


def _budget_cells(numbers: pd.DataFrame) -> pd.DataFrame:
    cells = {"Stage": numbers["stage"]}
    if "task" in numbers:
        cells |= {"Task": numbers["task"].map(task_label), "Layers": numbers["depth"].astype(str)}
    cells["Method"] = numbers["method"].map(method_label)
    cells["Done"] = numbers["done"].astype(str) + "/" + numbers["planned"].astype(str)
    headings = {"stopped": "Stopped early"}
    for name in ("stopped", "constant", "failed", "unfinished", "epochs"):
        cells[headings.get(name, name.capitalize())] = numbers[name].astype(str)
    whole = numbers["epochs"] + numbers["epochs_saved"]
    share = (100 * numbers["epochs_saved"] / whole.where(whole > 0)).fillna(0)
    cells["Saved by early stopping"] = (
        numbers["epochs_saved"].astype(str) + share.map(" epochs ({:.0f} %)".format)
    ).where(numbers["epochs_saved"] > 0, NONE)
    cells["Device hours"] = numbers["device_hours"].map("{:.2f}".format)
    return pd.DataFrame(cells)
