"""Sets outdated records aside."""

from collections.abc import Callable, Iterable
from typing import Any

from pkd.errors import CacheError
from pkd.files.cache import file_digest, verify
from study.config.cell import Cell
from study.stages.context import StudyContext
from study.storage.layout import Layout


def supersede_unless(
    context: StudyContext,
    cells: Iterable[Cell],
    valid: Callable[[Cell, dict[str, Any]], bool],
    kind: str = "start",
) -> None:
    """Sets aside the records of each cell that has an outdated event.

    Args:
        context: the study.
        cells: the cells to check.
        valid: returns whether an event of a cell still holds.
        kind: which events are checked: ``start``, ``report`` or ``end``.
    """
    for cell in cells:
        events = context.ledger.events(cell.stage, cell.name)
        if any(event["event"] == kind and not valid(cell, event) for event in events):
            context.layout.supersede(cell)


def signals_usable(layout: Layout, name: str, note: Callable[[str], None]) -> bool:
    """Returns whether signals exist and, if this node holds them, are undamaged.

    Args:
        layout: where they are.
        name: name of the signals folder; damaged signals are deleted.
        note: prints a line for the user if they were damaged.
    """
    folder = layout.signals / name
    if not layout.store.exists(folder):
        return False
    try:
        if folder.exists():
            verify(folder)
    except CacheError as error:
        note(f"{error}: the signals are deleted and computed again")
        layout.store.delete(folder)
        return False
    return True


def predictions_usable(
    layout: Layout, cell: Cell, report: dict[str, Any], note: Callable[[str], None]
) -> bool:
    """Returns whether a model's predictions are as the predict stage wrote them.

    Args:
        layout: where they are.
        cell: of the predict stage.
        report: of the job that predicted; it holds the digests of the files.
        note: prints a line for the user if a file is missing or damaged.
    """
    folder = layout.store.fetch(layout.predictions(cell, report["trial"]))
    for split, digest in report.get("files", {}).items():
        path = folder / f"{split}.parquet"
        if not path.is_file() or file_digest(path) != digest:
            note(f"{path} is missing or damaged: {cell.name} predicts again")
            return False
    return True
