"""With which settings and seeds winners are confirmed."""

from pathlib import Path

from pkd.data.preparation import Prepared
from study.config.cell import Cell
from study.search.budget import Budget
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.samplers import ListSampler, Settings
from study.stages.confirm_stage import confirm_stage
from study.storage.ledger import Ledger
from tests.support.studies.contexts import MakeContext, finished, result_of, run_all

KD = Cell("search", "rte", 2, "kd")


def test_confirm_trials_of_a_beaten_winner_are_set_aside(
    tmp_path: Path, rte: Prepared, make_context: MakeContext, ran: list[str]
) -> None:
    context = make_context(rte)

    def confirm(alpha: float) -> list[Settings]:
        search = CellSearch(KD, ListSampler([{"alpha": alpha}]), Budget(1, 1))
        ledger = Ledger(tmp_path / f"search-{alpha}")
        dispatcher = TrialDispatcher("search", [search], ledger, context.view)
        run_all(dispatcher)
        result_of(confirm_stage(context, dispatcher, {}))
        events = context.ledger.events("confirm")
        return [event["settings"] for event in events if event["event"] == "start"]

    assert confirm(0.5) == [{"alpha": 0.5}] * 3
    # Only trials with the settings of the present winner may enter a table.
    assert confirm(0.7) == [{"alpha": 0.7}] * 3
    assert (tmp_path / "out" / "superseded" / "confirm-rte-2-kd-1").exists()


def test_confirm_seeds_differ_from_those_of_the_search(
    rte: Prepared, make_context: MakeContext, ran: list[str]
) -> None:
    context = make_context(rte)
    result_of(confirm_stage(context, finished(context, KD, [{"alpha": 0.5}]), {}))
    events = context.ledger.events("confirm")
    assert [e["seed"] for e in events if e["event"] == "start"] == [1042, 1043, 1044]
