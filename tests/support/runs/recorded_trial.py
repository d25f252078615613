"""A trial as the ledger of a study records it."""

import re
from pathlib import Path
from typing import Any

from study.config.cell import Cell
from study.storage.ledger import Ledger


def record_trial(
    run: Path,
    stage: str,
    cell: str,
    trial: str,
    settings: dict[str, Any] | None = None,
    **end: Any,
) -> Path:
    """Records a complete trial of one epoch and returns its folder.

    Args:
        run: the run folder.
        stage: for example ``confirm``.
        cell: for example ``rte-2-kd``.
        trial: for example ``seed-0000``.
        settings: of the trial.
        end: keys of its end, for example ``score`` and ``metrics``.
    """
    match = re.fullmatch(r"(.+)-(\d+)-(.+)", cell)
    assert match is not None
    task, depth, method = match.groups()
    place = Cell(stage, task, int(depth), method)
    ledger = Ledger(run / "ledger")
    ledger.start(place, trial, settings or {}, seed=0, epochs=1)
    ledger.report(place, trial, {"epoch": 1, "score": end.get("score", 0.0)}, "stop")
    ledger.end(place, trial, **{"state": "complete", "score": 0.0, "epochs": 1} | end)
    return ledger.root / stage / cell / trial
