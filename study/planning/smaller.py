"""Options that make a long study shorter, each with the time that is left with it."""

import shlex
from collections.abc import Iterator
from dataclasses import replace

from pkd.runtime.units import duration
from pkd.tasks.glue import GLUE
from study.planning.plan import Plan

_LONG_S = 24 * 3600
_TRIALS, _EPOCHS, _ROWS = 4, 2, 10_000


def warning(plan: Plan, seconds: float) -> str:
    """Returns lines that warn of a study of more than a day; an empty text for a shorter one.

    Args:
        plan: of the study.
        seconds: its estimated time on this machine.
    """
    if seconds < _LONG_S:
        return ""
    whole = plan.operations()
    options = sorted((operations, option) for option, operations in _smaller(plan))
    width = max((len(option) for _, option in options), default=0)
    lines = [
        f"    {option:{width}}  about {duration(seconds * operations / whole)}"
        for operations, option in options
    ]
    if plan.config.name != "laptop" and set(plan.tasks) <= set(GLUE):
        lines.append(f"    {'--config laptop':{width}}  another study: RTE and MRPC, few rows")
    return "\n".join(
        [
            f"  LONG: this is about {duration(seconds)} on this machine. Shorter, each alone:",
            *lines,
        ]
    )


def _smaller(plan: Plan) -> Iterator[tuple[str, float]]:
    """Yields options and the floating-point operations of the study with each of them."""
    config = plan.config
    if config.search.algorithm != "grid" and config.search.trials > _TRIALS:
        search = config.search.model_copy(update={"trials": _TRIALS})
        yield f"--set search.trials={_TRIALS}", _operations(plan, search=search)
    grace = config.search.asha.grace_epochs if config.search.asha else 1
    if config.train.epochs > _EPOCHS >= grace:
        train = config.train.model_copy(update={"epochs": _EPOCHS})
        yield f"--set train.epochs={_EPOCHS}", _operations(plan, train=train)
    if len(config.depths) > 1:
        depth = min(config.depths)
        yield f"--set depths={depth}", _operations(plan, depths=(depth,))
    by_task = {name: replace(plan, tasks={name: each}) for name, each in plan.tasks.items()}
    operations = {name: each.operations() for name, each in by_task.items()}
    if len(by_task) > 1 and len(config.tasks) == len(by_task):  # none of them is given twice
        cheapest = min(operations, key=operations.__getitem__)
        written = dict(zip(plan.tasks, config.tasks, strict=True))  # a name, or a path
        yield f"--tasks {shlex.quote(written[cheapest])}", operations[cheapest]
    rows = {name: each.rows[each.task.train] for name, each in plan.tasks.items()}
    if max(rows.values()) > _ROWS:
        shares = {name: min(1.0, _ROWS / count) for name, count in rows.items()}
        capped = sum(operations[name] * share for name, share in shares.items())
        yield f"--set data.max_train_rows={_ROWS}", capped


def _operations(plan: Plan, **changes: object) -> float:
    return replace(plan, config=plan.config.model_copy(update=changes)).operations()
