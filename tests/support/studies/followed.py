"""A dispatcher to be tracked, and what TensorBoard holds of its trials."""

from collections.abc import Callable

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from study.search.dispatcher import TrialDispatcher
from study.storage.layout import Layout
from tests.support.studies.dispatchers import dispatcher_of, fixed

Note = Callable[[str], None]


def dispatcher_in(layout: Layout, trials: int = 2) -> TrialDispatcher:
    """A new driver's dispatcher over the ledger: one cell, rte-2-ft, two epochs per trial."""
    return dispatcher_of(layout.ledger, fixed("rte", trials))


def events(layout: Layout, trial: str) -> EventAccumulator:
    folder = layout.out / "trackers" / "tensorboard" / "search" / "rte-2-ft" / trial
    return EventAccumulator(str(folder)).Reload()


def curve(layout: Layout, trial: str, measure: str) -> list[tuple[int, float]]:
    scalars = events(layout, trial).Scalars(f"ray/tune/{measure}")
    return [(each.step, pytest.approx(each.value)) for each in scalars]
