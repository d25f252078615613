"""The table of the search winners."""

from collections.abc import Iterator

import pandas as pd

from analysis.labels import SETTINGS, method_label, setting_text, task_label
from analysis.rendering import Table, plain_table
from analysis.results.settings import best_settings
from analysis.run_data.runs import Run
from analysis.tables.text import NONE, constant_mark, constant_note, generated_note, number


def tables(run: Run) -> Iterator[Table]:
    """Yields one table."""
    yield best_settings_table(run)


def best_settings_table(run: Run) -> Table:
    """Returns the search winner of each cell with its settings."""
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
                number(score) + constant_mark(constant)
                for score, constant in zip(
                    numbers["search_score"], numbers["constant"], strict=True
                )
            ],
            "Trials": numbers["trials"].astype(str),
        }
    ).fillna(NONE)
    return plain_table(
        "best-settings",
        "Best hyperparameters of each cell",
        numbers,
        cells,
        "The search winner of each cell: the trial with the best dev score among those that did "
        "not fail. Its score is the maximum over the trials and therefore optimistic; the "
        "comparison uses new seeds instead.",
        *constant_note(numbers["constant"]),
        *generated_note(run),
    )
