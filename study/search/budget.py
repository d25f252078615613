"""How much a cell trains, and with which seeds."""

from dataclasses import dataclass

from study.config.sections import Asha

# Share of a search's epochs that ASHA does not skip (order of magnitude).
ASHA_SHARE = 0.7


@dataclass(frozen=True)
class Budget:
    """The trials of a cell.

    Attributes:
        trials: useful trials that the cell needs.
        epochs: epochs of a trial that is not stopped early.
        asha: early stopping; None trains every trial to its end.
        keep: the number of best trials whose results later stages need.
    """

    trials: int
    epochs: int
    asha: Asha | None = None
    keep: int = 1


@dataclass(frozen=True)
class Seeds:
    """The training seeds of a cell: trial ``i`` trains with ``first + i · step``.

    Attributes:
        first: seed of the first trial.
        step: 0 if all trials share a seed, 1 if each has its own.
    """

    first: int = 0
    step: int = 0

    def of(self, number: int) -> int:
        """The seed of a trial, by its 0-based number."""
        return self.first + number * self.step
