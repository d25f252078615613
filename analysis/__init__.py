"""Tables, plots and a report from the files of a study: no torch, no Ray.

``python -m analysis.report RUN_DIR`` builds everything. The numbers are collected by pure
functions from DataFrame to DataFrame (`comparison`, `settings`, `budget`); `tables`, `plots` and
`report` only render them.
"""

from analysis.runs import Run as Run
from analysis.runs import RunError as RunError
from analysis.runs import load_run as load_run
