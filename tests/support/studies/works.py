"""The work of a small training."""

from pathlib import Path
from typing import Any

from pkd.training.training_run import Files, Outputs
from study.storage.store import SharedFolder
from study.trials.work import TrialWork

FT = {"method": "ft", "layers": 2, "epochs": 2, "batch_size": 16, "learning_rate": 1e-3}
PKD = FT | {"method": "pkd-skip", "temperature": 5.0, "alpha": 0.5, "beta": 100.0}


def work_of(
    folder: Path,
    files: Files,
    recipe: dict[str, Any] = FT,
    recorded: int = 0,
    **options: Any,
) -> TrialWork:
    """The work of a training that keeps its checkpoint and its log in ``folder``."""
    return TrialWork(
        log=folder / "trial.log",
        store=SharedFolder(),
        files=files,
        outputs=Outputs(checkpoint=folder / "trial.pt", checkpoint_every=0.0),
        recipe=recipe,
        recorded=recorded,
        **options,
    )
