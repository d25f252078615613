"""A cell is one entry of the paper's tables: a task, a depth and a method, searched on its own."""

from dataclasses import dataclass
from typing import Any

from pkd.distillation.methods import METHODS


@dataclass(frozen=True)
class Cell:
    """What one search is about.

    Attributes:
        stage: ``teachers``, ``signals``, ``search``, ``confirm`` or ``predict``.
        task: the task's name.
        depth: layers of the student (of the teacher for ``teacher``).
        method: how it learns.
    """

    stage: str
    task: str
    depth: int
    method: str

    @property
    def name(self) -> str:
        """``<task>-<depth>-<method>``: the same in every stage; names folders and table rows."""
        return f"{self.task}-{self.depth}-{self.method}"

    @property
    def key(self) -> str:
        """Identifies the cell among those of all stages."""
        return f"{self.stage}/{self.name}"

    @property
    def tunable(self) -> tuple[str, ...]:
        """The hyperparameters that the method has."""
        return METHODS[self.method].hyperparameters

    @classmethod
    def of(cls, event: dict[str, Any]) -> "Cell":
        """The cell of a ledger event."""
        return cls(event["stage"], event["task"], event["depth"], event["method"])
