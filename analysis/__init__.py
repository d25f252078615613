"""Tables, plots and a report from the files of a study: no torch, no Ray.

``pkd-study report RUN_DIR`` builds everything. The names below are the public API: load a
run, then compute its tables as data frames. A name is imported when it is first used, so that
``import analysis`` does not load pandas.
"""

from pkd.runtime import first_moment as _  # noqa: F401, I001 - before any other
from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "Run",
    "RunError",
    "ablation",
    "best_settings",
    "budget",
    "build_report",
    "comparison",
    "curves",
    "differences",
    "epochs",
    "gains",
    "held_out",
    "interaction",
    "load_run",
    "overall",
    "progress",
    "scores_by_method",
    "sizes",
    "skip_vs_last",
    "trials",
]

if TYPE_CHECKING:
    from analysis.exchange.trial_tables import epochs, trials
    from analysis.pages import build_report
    from analysis.results.budget import budget
    from analysis.results.comparison import comparison, skip_vs_last
    from analysis.results.gains import gains
    from analysis.results.held_out import held_out
    from analysis.results.settings import (
        ablation,
        best_settings,
        interaction,
        scores_by_method,
    )
    from analysis.results.significance import differences, overall
    from analysis.results.sizes import sizes
    from analysis.run_data.runs import Run, RunError, load_run
    from analysis.search_history.curves import curves
    from analysis.search_history.progress import progress
else:
    _MODULES = {
        "analysis.exchange.trial_tables": ("epochs", "trials"),
        "analysis.pages": ("build_report",),
        "analysis.results.budget": ("budget",),
        "analysis.results.comparison": ("comparison", "skip_vs_last"),
        "analysis.results.gains": ("gains",),
        "analysis.results.held_out": ("held_out",),
        "analysis.results.settings": (
            *("ablation", "best_settings", "interaction", "scores_by_method"),
        ),
        "analysis.results.significance": ("differences", "overall"),
        "analysis.results.sizes": ("sizes",),
        "analysis.run_data.runs": ("Run", "RunError", "load_run"),
        "analysis.search_history.curves": ("curves",),
        "analysis.search_history.progress": ("progress",),
    }
    _HOMES = {name: module for module, names in _MODULES.items() for name in names}

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
