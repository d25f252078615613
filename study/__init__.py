"""The study: teachers, signals, search, confirmation and predictions, scheduled by Ray Tune.

The names below are the public API. A name is imported when it is first used.
"""

from pkd.runtime import first_moment as _  # noqa: F401, I001 - before any other
from importlib import import_module
from typing import TYPE_CHECKING

__all__ = ["DistilTrainable", "StudyConfig", "load_study_config", "run_study"]

if TYPE_CHECKING:
    from study.config.config_file import load_study_config
    from study.config.study_config import StudyConfig
    from study.launcher import run_study
    from study.trials.trainable import DistilTrainable
else:
    _HOMES = {
        "DistilTrainable": "study.trials.trainable",
        "StudyConfig": "study.config.study_config",
        "load_study_config": "study.config.config_file",
        "run_study": "study.launcher",
    }

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
