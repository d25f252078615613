"""A trial in the form in which Ray's tracker callbacks read one of Tune's."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TrackedTrial:
    """A trial as trackers see it; two with the same id are equal.

    Attributes:
        trial_id: the same for the same training, in whichever process it continues.
        name: shown to users.
        experiment_dir_name: group of runs that the trial belongs to.
        local_path: the trial's own folder.
        config: the trial's cell, seed and hyperparameters, flat.
        tags: labels by which trackers find the trial again.
        begun: whether the ledger already holds epochs of the trial.
    """

    trial_id: str
    name: str = field(compare=False)
    experiment_dir_name: str = field(compare=False)
    local_path: str = field(compare=False)
    config: dict[str, Any] = field(compare=False)
    tags: dict[str, str] = field(compare=False)
    begun: bool = field(compare=False)

    def __str__(self) -> str:
        return self.name

    @property
    def evaluated_params(self) -> dict[str, Any]:
        """The hyperparameters, under the name that Ray's callbacks read."""
        return self.config

    def init_local_path(self) -> None:
        """Makes the folder."""
        Path(self.local_path).mkdir(parents=True, exist_ok=True)
