"""The search winner of each cell."""

from collections.abc import Iterator

import pandas as pd

from analysis.labels import SETTINGS, method_label, setting_text, task_label
from analysis.rendering import Table, plain
from analysis.results.settings import best_settings
from analysis.run_data.runs import Run
from analysis.tables.text import CONSTANT, NONE, constant_note, generated_note, number


def tables(run: Run) -> Iterator[Table]:
    """One table."""
    yield best_settings_table(run)


def best_settings_table(run: Run) -> Table:
    """The search winner of each cell."""
    numbers = best_settings(run)
    cells = pd.DataFrame(
        {
            "Task": numbers["task"].map(task_label),
            "Layers": numbers["depth"].astype(str),
            "Method": numbers["method"].map(method_label),
            **{
                SETTINGS.get(name, name).partition(" (")[0]: numbers[name].map(setting_text)
                for name in run.settings
            },
            "Best epoch": numbers["best_epoch"].map("{:.0f}".format, na_action="ignore"),
            "Search score": [
                number(score) + (f" {CONSTANT}" if constant else "")
                for score, constant in zip(
                    numbers["search_score"], numbers["constant"], strict=True
                )
            ],
            "Trials": numbers["trials"].astype(str),
        }
    ).fillna(NONE)
    return plain(
        "best-settings",
        "Best hyperparameters of each cell",
        numbers,
        cells,
        "The winner of the search: the best dev score of the trials that did not fail. The score "
        "is the maximum over the trials, so it flatters; the comparison uses fresh seeds instead.",
        *constant_note(numbers["constant"]),
        *generated_note(run),
    )
