"""What every stage of a study works with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pkd.data.preparation import Prepared
from pkd.distillation.methods import TEACHER, Method
from study.config.cell import Cell
from study.config.study_config import StudyConfig
from study.planning.plan import Plan
from study.stages.results.saved_models import SavedModels
from study.storage.layout import Layout
from study.storage.ledger import Ledger
from study.tracking.live_view import View


@dataclass(frozen=True, kw_only=True)
class StudyContext:
    """What every stage of a study works with.

    Attributes:
        plan: the plan of the study.
        encoder: folder of the pre-trained encoder that students start from.
        layout: where files go.
        ledger: the record of the study.
        view: shows progress.
        saved: gets the models that the study saves.
        restart_ray: starts Ray, or starts it again; a finished study never calls it.
        own_methods: methods that the user wrote, by name, for the workers.
    """

    plan: Plan
    encoder: Path
    layout: Layout
    ledger: Ledger
    view: View
    saved: SavedModels
    restart_ray: Callable[[], None]
    own_methods: dict[str, Method] = field(default_factory=dict)

    @property
    def config(self) -> StudyConfig:
        """The configuration of the study."""
        return self.plan.config

    def prepared(self, cell: Cell) -> Prepared:
        """Returns a cell's task in the tokens of its models."""
        tasks = self.plan.teachers.tasks if cell.method == TEACHER else self.plan.tasks
        return tasks[cell.task]
