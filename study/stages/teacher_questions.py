"""Which teachers are asked about the rows of a task, and for what."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pkd.prepare import Prepared
from study.cellsearch import CellSearch
from study.layout import Layout
from study.plan import Plan


@dataclass(frozen=True)
class Question:
    """What one teacher is asked.

    Attributes:
        prepared: the task in its tokens.
        teacher: its folder.
        settings: ``layers`` whose states are kept and, but for the first, which ``teacher``.
    """

    prepared: Prepared
    teacher: Path
    settings: dict[str, Any]


def questions(plan: Plan, layout: Layout, taught: CellSearch) -> list[Question]:
    """Asks a task's teacher for logits and states, and others of its ensemble for logits.

    Args:
        plan: the work.
        layout: where teachers live.
        taught: the task's cell of the first stage.
    """
    task, teachers = taught.cell.task, plan.teachers
    own = teachers.tasks[task]
    if teachers.given:
        others = [(each.prepared, each.folder) for each in teachers.further.get(task, ())]
    else:
        others = [(own, layout.further_teacher(task, trial)) for trial in taught.best[1:]]
    return [
        Question(own, layout.teacher(task), {"layers": list(plan.layers_needed())}),
        *(
            # Folders are named by their trial, or by their content if they were given.
            Question(prepared, folder, {"layers": [], "teacher": folder.name})
            for prepared, folder in others
        ),
    ]
