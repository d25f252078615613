"""Which teachers are asked about the rows of a task, and for what."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pkd.data.preparation import Prepared
from study.config.study_config import StudyConfig
from study.planning.plan import Plan
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.storage.layout import Layout


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


def scores_of_further(config: StudyConfig, dispatcher: TrialDispatcher) -> list[str]:
    """A line for each given teacher that is not the first of its task: its dev score.

    Args:
        config: of the study.
        dispatcher: the first stage at its end.
    """
    lines = []
    for search in dispatcher.searches.values():
        others = config.teacher.given(search.cell.task)[1:]
        for trial in search.trials.values():
            # A study of an older version did not score them.
            for model, told in zip(others, trial.reports[-1].get("further", ()), strict=False):
                score = f"{100 * told['score']:.1f}"
                lines.append(f"teachers {search.cell.name}: {model} scores {score} on dev")
    return lines
