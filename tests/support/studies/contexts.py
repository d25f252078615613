"""The context of a study without Ray, and stages that are done at once."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from rich.console import Console

from study.config.cell import Cell
from study.config.study_config import StudyConfig
from study.planning.plan import Plan
from study.search.budget import Budget
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.samplers import ListSampler, Settings
from study.search.trial_record import STOP
from study.stages.context import StudyContext
from study.stages.results.saved_models import SavedModels
from study.storage.layout import Layout
from study.storage.ledger import Ledger
from study.tracking.live_view import View
from study.tuning.stage_queue import StageGenerator
from tests.support.studies.fake_stage import report_of

T = TypeVar("T")
MakeContext = Callable[..., StudyContext]
CONFIG = StudyConfig(tasks=("rte",), depths=(2,), methods=("kd", "pkd-skip"))


def context_of(plan: Plan, layout: Layout, encoder: Path = Path("model")) -> StudyContext:
    """The context of a study that prints nothing and starts no Ray."""
    return StudyContext(
        plan=plan,
        encoder=encoder,
        layout=layout,
        ledger=Ledger(layout.ledger),
        view=View(Console(quiet=True), plan.stage_work()),
        saved=SavedModels(layout.store, layout.ledger),
        restart_ray=lambda: None,
    )


def result_of(stages: StageGenerator[T]) -> T:
    """What a stage returns that has no trials for Tune."""
    try:
        stage = next(stages)
    except StopIteration as end:
        return end.value
    pytest.fail(f"{stage.dispatcher.stage} starts trials")


def run_all(dispatcher: TrialDispatcher) -> list[str]:
    """Runs all trials of a dispatcher to their end; returns their names."""
    names = []
    while (trial := dispatcher.next()) is not None:
        epoch = 1
        while dispatcher.report(*trial, report_of(*trial, epoch)) != STOP:
            epoch += 1
        names.append(f"{trial.search.cell.name} {trial.name}")
    return names


def finished(context: StudyContext, cell: Cell, settings: list[Settings]) -> TrialDispatcher:
    """A dispatcher of one cell, all of whose trials are done."""
    budget = Budget(len(settings), epochs=1)
    search = CellSearch(cell, ListSampler(settings), budget, prefix="seed")
    dispatcher = TrialDispatcher(cell.stage, [search], context.ledger, context.view)
    run_all(dispatcher)
    return dispatcher
