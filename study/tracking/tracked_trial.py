"""A trial in the form in which Ray's callbacks read one of Tune's."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TrackedTrial:
    """What trackers are told of a trial; two that have the same id are equal.

    Attributes:
        trial_id: the same for the same training, in whichever process it goes on.
        name: what people call it.
        experiment_dir_name: the group of runs that it belongs to.
        local_path: a folder of its own.
        config: what it is and its hyperparameters, flat.
        tags: how it is found again.
        begun: whether some of its epochs were told already.
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
        """The hyperparameters."""
        return self.config

    def init_local_path(self) -> None:
        """Makes the folder."""
        Path(self.local_path).mkdir(parents=True, exist_ok=True)
