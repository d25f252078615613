"""The sampler of each cell, by the configuration."""

from collections.abc import Mapping

from study.config.cell import Cell
from study.config.search_space import Dimension, Range
from study.planning.plan import Plan
from study.search.cell_search import CellSearch
from study.search.published_points import published_points
from study.search.samplers import (
    LateSampler,
    ListSampler,
    OptunaSampler,
    Sampler,
    Settings,
    contains,
    dimensions,
    grid,
)


def teacher_sampler(plan: Plan, cell: Cell) -> Sampler:
    """Returns the sampler of a teacher's learning rates: each choice once, or TPE in a range."""
    teacher = plan.config.teacher
    if isinstance(teacher.learning_rate, Range):
        space: dict[str, Dimension] = {"learning_rate": teacher.learning_rate}
        return OptunaSampler(space, "tpe", plan.config.seed, cell.name)
    rates = teacher.learning_rate[: teacher.trials]
    return ListSampler([{"learning_rate": rate} for rate in rates])


def cell_sampler(plan: Plan, cell: Cell, searches: Mapping[str, CellSearch]) -> Sampler:
    """Returns the sampler of a student cell.

    Args:
        plan: the plan of the study.
        cell: which cell.
        searches: all cells of the search by name; a cell that inherits reads its KD cell's
            winner when its own search begins.
    """
    if not plan.inherits(cell.method):
        return _sampler(plan, cell, {})

    def make() -> Sampler:
        kd = searches[_kd_cell(cell).name]
        assert kd.winner is not None
        winner = kd.trials[kd.winner].settings
        return _sampler(plan, cell, {key: winner[key] for key in ("temperature", "alpha")})

    return LateSampler(make, fixed=plan.config.search.algorithm == "grid")


def may_start(plan: Plan, searches: Mapping[str, CellSearch], search: CellSearch) -> bool:
    """Returns whether a cell may start trials; one that inherits waits for its KD cell."""
    if not plan.inherits(search.cell.method):
        return True
    kd = searches[_kd_cell(search.cell).name]
    return kd.done and kd.winner is not None


def _sampler(plan: Plan, cell: Cell, fixed: Settings) -> Sampler:
    search, seed = plan.config.search, plan.config.seed
    space = dimensions(search.space, cell.tunable, fixed)
    if search.algorithm == "grid":
        return ListSampler(grid(space))
    first = []
    if search.published_points:
        points = published_points(plan.encoder, cell.task, cell.depth, cell.method)
        first = [point for point in points if contains(space, point)]
    # With few trials, ten random ones (Optuna's default) would leave TPE nothing to do.
    startup = min(10, max(2, search.trials // 3))
    return OptunaSampler(space, search.algorithm, seed, cell.name, first, startup)


def _kd_cell(cell: Cell) -> Cell:
    return Cell(cell.stage, cell.task, cell.depth, "kd")
