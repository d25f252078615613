"""What each method and each cell was given, and what it used."""

import pandas as pd

from analysis.labels import method_label, task_label
from analysis.rendering import Table, plain
from analysis.results.budget import budget, budget_by_method
from analysis.run_data.runs import Run
from analysis.tables.text import NONE


def tables(run: Run) -> list[Table]:
    """What each method and each cell was given, and what it used."""
    cells = budget(run)
    note = (
        "Done = ended without failing, trials that the scheduler stopped early included. One "
        "class = those of them that predict one class only; the search makes up for these and for "
        "failed ones, as far as a second budget goes. Hours add up the trials' own wall-clock "
        "time; trials that share a device count each."
    )
    return [
        plain(
            "budget-by-method",
            "Budget by stage and method: were the methods tuned equally?",
            budget_by_method(cells),
            _budget_cells(budget_by_method(cells)),
            note,
        ),
        plain("budget", "Budget of each cell", cells, _budget_cells(cells), note),
    ]


def _budget_cells(numbers: pd.DataFrame) -> pd.DataFrame:
    cells = {"Stage": numbers["stage"]}
    if "task" in numbers:
        cells |= {"Task": numbers["task"].map(task_label), "Layers": numbers["depth"].astype(str)}
    cells["Method"] = numbers["method"].map(method_label)
    cells["Done"] = numbers["done"].astype(str) + "/" + numbers["planned"].astype(str)
    headings = {"stopped": "Stopped early", "constant": "One class"}
    for name in ("stopped", "constant", "failed", "unfinished", "epochs"):
        cells[headings.get(name, name.capitalize())] = numbers[name].astype(str)
    whole = numbers["epochs"] + numbers["epochs_saved"]
    share = (100 * numbers["epochs_saved"] / whole.where(whole > 0)).fillna(0)
    cells["Saved by early stopping"] = (
        numbers["epochs_saved"].astype(str) + share.map(" epochs ({:.0f} %)".format)
    ).where(numbers["epochs_saved"] > 0, NONE)
    cells["Device hours"] = numbers["device_hours"].map("{:.2f}".format)
    return pd.DataFrame(cells)
