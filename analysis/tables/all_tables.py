"""All tables of the report, in its order."""

from collections.abc import Callable, Iterable

from analysis.rendering import Table
from analysis.run_data.runs import Run
from analysis.tables import budget, comparison, held_out, settings, significance, sizes

_TABLES: tuple[Callable[[Run], Iterable[Table]], ...] = (
    comparison.tables,
    held_out.tables,
    significance.tables,
    sizes.tables,
    settings.tables,
    budget.tables,
)


def all_tables(run: Run) -> list[Table]:
    """Returns every table that the study has numbers for, in the order of the report."""
    return [table for collect in _TABLES for table in collect(run)]
