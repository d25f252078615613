"""The report's tables: how the collected numbers are laid out, and what the notes say."""

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
    """Every table of the report that there are numbers for, in its order."""
    return [table for collect in _TABLES for table in collect(run)]
