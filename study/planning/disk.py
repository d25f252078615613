"""The disk space of a study: what it needs as a whole, and what is left to be written."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pkd.distillation.methods import METHODS
from pkd.errors import InputError
from pkd.files.ledger.reader import read_ledger
from pkd.files.ledger.trial import Trial
from pkd.files.run_format import REPORT
from pkd.runtime.units import gigabytes
from study.config.cell import Cell
from study.planning.plan import Plan
from study.storage.layout import Layout

_WEIGHT = 4  # bytes of a parameter
_AT_ONCE = 8  # running trials, unless the configuration names fewer
_REPORT = 2_000_000  # bytes of the report and of the last events


@dataclass(frozen=True)
class _Done:
    """What of a study is there already.

    Attributes:
        ended: trials that have ended, by the key of their cell.
        size: bytes of a cell's weights on this disk.
        report: bytes of the report.
    """

    ended: Counter[str] = field(default_factory=Counter)
    size: Callable[[Cell], int] = lambda cell: 0
    report: int = 0


def needed_bytes(plan: Plan) -> int:
    """Estimates the largest disk space that a study needs at one time, without tokens."""
    return _estimate(plan, _Done())


def left_bytes(plan: Plan, layout: Layout) -> int:
    """Estimates how much of it is left to be written, by the ledger and the files on this disk.

    Args:
        plan: of the study.
        layout: its run folder, with the ledger on this disk.
    """
    trials = read_ledger(layout.ledger).trials
    ended = Counter(_key(trial) for trial in trials if _counts(plan, layout, trial))

    def size(cell: Cell) -> int:
        home = layout.model(cell) if cell.stage == "confirm" else layout.teacher(cell.task)
        return _size(home) + _size(layout.weights(cell, ""))

    return _estimate(plan, _Done(ended, size, _size(layout.out / REPORT)))


def check_disk(plan: Plan, layout: Layout, free: int) -> None:
    """Checks that what is left of a study fits on the disk.

    Args:
        plan: of the study.
        layout: its run folder.
        free: bytes on its disk.

    Raises:
        InputError: if it does not, with the estimates and the free space.
    """
    if (left := left_bytes(plan, layout)) <= free:
        return
    remedy = "choose another --out, or fewer tasks, depths or methods"
    if layout.ledger.exists():
        remedy = "or move the folder to a larger disk and name its new place by --out"
    raise InputError(
        f"the study needs about {gigabytes(needed_bytes(plan))} in {layout.out}; about "
        f"{gigabytes(left)} are left to be written, but {gigabytes(free)} are free: free some "
        f"space, {remedy}"
    )


def _estimate(plan: Plan, done: _Done) -> int:
    needed, running, trials_left = float(max(0, _REPORT - done.report)), 0.0, 0
    for cell, weights, kept in _models(plan):
        left = sum(max(0, n - done.ended[key]) for key, n in _budget(plan, cell))
        if left:
            # Those at their place, and the best ones of the stage that runs.
            needed += max(0.0, 2 * kept * weights - done.size(cell))
            running, trials_left = max(running, weights), trials_left + left
    for task in plan.tasks:
        if done.ended[f"signals/{task}-{plan.teacher_layers}-teacher"] < plan.ensemble(task):
            needed += _signals(plan, task)
    at_once = min(plan.config.resources.max_concurrent or _AT_ONCE, trials_left, _AT_ONCE)
    # A checkpoint holds the weights and two moments of each.
    return int(needed + at_once * 3 * running)


def _models(plan: Plan) -> list[tuple[Cell, float, int]]:
    """The cells that save models: bytes of the weights of one, and how many are kept."""
    teacher = _WEIGHT * plan.teacher_parameters["total"]
    embeddings = plan.parameters["embeddings"] + plan.parameters["pooler"]
    layer = plan.parameters["layers"] / int(plan.encoder.num_hidden_layers)
    return [
        (Cell("teachers", task, plan.teacher_layers, "teacher"), teacher, plan.ensemble(task))
        for task in plan.tasks
    ] + [
        (Cell("confirm", task, depth, method), _WEIGHT * (embeddings + depth * layer), 1)
        for task, depth, method in plan.cells
    ]


def _budget(plan: Plan, cell: Cell) -> list[tuple[str, int]]:
    """The trials of the stages that train a cell's models, by their cells' keys."""
    if cell.stage == "teachers":
        return [(cell.key, 1 if plan.teachers.given else plan.config.teacher.trials)]
    return [
        (f"search/{cell.name}", plan.trials(cell.method)),
        (cell.key, plan.config.confirm.seeds),
    ]


def _signals(plan: Plan, task: str) -> int:
    """Bytes of a task's signals: states in fp16, and the logits of each teacher in fp32."""
    if not any(METHODS[method].needs_teacher for method in plan.config.methods):
        return 0
    prepared = plan.tasks[task]
    width = 2 * len(plan.layers_needed()) * int(plan.teachers.config.hidden_size)
    rows = prepared.rows[prepared.task.distilled]
    return rows * (width + 4 * plan.ensemble(task) * len(prepared.task.labels))


def _key(trial: Trial) -> str:
    return "/".join(trial.folder.parts[-3:-1])


def _counts(plan: Plan, layout: Layout, trial: Trial) -> bool:
    """Whether a trial has ended, and what it wrote for later stages is there and still right."""
    events = {event["event"]: event for event in trial.events}
    if "end" not in events or not _key(trial).startswith("signals/"):
        return "end" in events
    layers = events.get("start", {}).get("settings", {}).get("layers")
    folder = str(events.get("report", {}).get("folder"))
    return layers in ([], list(plan.layers_needed())) and layout.store.exists(
        layout.signals / folder
    )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
