"""Tables, plots and a report from the files of a study: no torch, no Ray.

``python -m analysis.report RUN_DIR`` builds everything. The numbers are collected by pure
functions from DataFrame to DataFrame (`comparison`, `settings`, `budget`); `tables`, `plots` and
`report` only render them.
"""

from analysis.run_data.runs import Run, RunError, load_run

__all__ = ["Run", "RunError", "load_run"]
