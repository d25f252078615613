"""Whether a stage has all that later stages need."""

from pkd.errors import PkdError
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.storage.layout import Layout


class StageIncomplete(PkdError):
    """A stage ended with trials missing; the same command tries them again."""


class RayGaveUp(StageIncomplete):
    """Ray ended a stage again and again; its logs may say why."""


def check_complete(dispatcher: TrialDispatcher, layout: Layout) -> None:
    """Checks that no trial of a stage is missing and that every cell has a winner.

    Raises:
        StageIncomplete: naming the cells and the trials.
    """
    problems = [
        f"{search.cell.name} {name}: {error}"
        for (search, name), error in dispatcher.interrupted.items()
    ]
    for search in dispatcher.searches.values():
        if search.done and len(search.best) < search.budget.keep:
            problems.append(
                f"{search.cell.name}: {_too_few_results(search)}, see the ledger's end events"
            )
        elif not search.done and all(
            trial.search is not search for trial in dispatcher.interrupted
        ):
            problems.append(f"{search.cell.name}: {search.useful} of {search.wanted} trials")
    if problems:
        raise StageIncomplete(
            f"stage {dispatcher.stage} is incomplete (logs: {layout.logs / dispatcher.stage}):\n  "
            + "\n  ".join(problems)
        )


def _too_few_results(search: CellSearch) -> str:
    found = len(search.best)
    if not found:
        return "every trial failed"
    return f"only {found} of {search.budget.keep} trials that are needed ended with a result"
