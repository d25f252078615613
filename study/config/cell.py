"""A cell: one entry of the paper's tables, searched separately."""

from dataclasses import dataclass
from typing import Any

from pkd.distillation.methods import METHODS


@dataclass(frozen=True)
class Cell:
    """A task, a depth and a method in a stage.

    Attributes:
        stage: ``teachers``, ``signals``, ``search``, ``confirm`` or ``predict``.
        task: the task's name.
        depth: number of layers of the student (of the teacher for ``teacher``).
        method: name of the method.
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
        """``<stage>/<name>``: identifies the cell among the cells of all stages."""
        return f"{self.stage}/{self.name}"

    @property
    def tunable(self) -> tuple[str, ...]:
        """Names of the method's hyperparameters."""
        return METHODS[self.method].hyperparameters

    @classmethod
    def of(cls, event: dict[str, Any]) -> "Cell":
        """Returns the cell of a ledger event."""
        return cls(event["stage"], event["task"], event["depth"], event["method"])
