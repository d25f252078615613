"""Describes in a few lines what a study is about to do."""

from pkd.runtime.units import duration, gigabytes
from study.planning.disk import needed_bytes
from study.planning.plan import Plan
from study.planning.smaller import warning
from study.planning.study_record import encoder_name, teacher_name


def announcement(plan: Plan, out: str, begun: bool = False) -> str:
    """Returns the cells, trials, estimated time and disk space of a study as text.

    Args:
        plan: of the study.
        out: how the user calls the run folder.
        begun: whether trials are recorded already: then the study may grow, but not shrink.
    """
    config = plan.config
    rows = ", ".join(
        f"{name} {each.rows[each.task.train]:,}"
        + (f" and {each.unlabelled_rows:,} unlabelled" if each.unlabelled_rows else "")
        for name, each in plan.tasks.items()
    )
    counts = {method: plan.trials(method) for method in config.methods}
    same = len(set(counts.values())) == 1
    per_cell = (
        f"{next(iter(counts.values()))} per cell"
        if same
        else "per cell: " + ", ".join(f"{method} {count}" for method, count in counts.items())
    )
    search = sum(plan.trials(method) for _, _, method in plan.cells)
    confirm = config.confirm.seeds * len(plan.cells)
    teachers = f"{config.teacher.trials * len(plan.tasks)} trials"
    if plan.teachers.given:
        teachers = "fine-tuned already"
    sizes = set(map(plan.ensemble, plan.tasks))
    if (most := max(sizes, default=1)) > 1:
        up_to = "up to " if len(sizes) > 1 else ""
        teachers += f", {up_to}{most} of a task teach together"
    if config.train.model or plan.teachers.given:
        teachers += f"; students start from {encoder_name(config)}"
    seconds = plan.seconds()
    text = (
        f"study {config.name} in {out}\n"
        f"  training rows: {rows}\n"
        f"  teacher: {teacher_name(config)}, {plan.teacher_layers} layers, {teachers}\n"
        f"  students: {len(plan.cells)} cells (tasks × layers {', '.join(map(str, config.depths))}"
        f" × {', '.join(config.methods)})\n"
        f"  search: {search} trials by {config.search.algorithm} ({per_cell}), "
        f"confirm: {confirm} trials\n"
        f"  about {duration(seconds)} of this machine's computing, at most "
        f"{gigabytes(needed_bytes(plan))} of disk"
    )
    return "\n".join(filter(None, [text, "" if begun else warning(plan, seconds)]))
