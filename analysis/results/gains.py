"""What each method adds to the baseline, task by task."""

import pandas as pd

from analysis.labels import methods_in_order
from analysis.results.settings import scores_by_method
from analysis.run_data.runs import Run
from pkd.distillation.methods import TEACHER

_PLACE = ["task", "depth"]


def gains(run: Run) -> pd.DataFrame:
    """Returns confirmed scores minus the baseline's: the first method, FT in most studies.

    Columns: ``task``, ``depth``, ``method``, ``mean``, ``sd``, ``n``, ``constant``, ``planned`` as
    in `analysis.results.settings.scores_by_method`, ``baseline`` (the method that is subtracted),
    ``difference`` (points) and ``se``: the standard error of the difference of two independent
    means, sqrt(sd² / n + sd² / n); 0 for the baseline itself, missing if either has a single
    seed. A task and depth without the baseline, or with the baseline alone, is left out.
    """
    scores = scores_by_method(run)
    scores = scores[scores["method"] != TEACHER].reset_index(drop=True)
    if scores.empty:
        return scores
    first = methods_in_order(scores["method"])[0]
    base = scores[scores["method"] == first].set_index(_PLACE)[["mean", "sd", "n"]]
    table = scores.join(base.add_prefix("base_"), on=_PLACE, how="inner").assign(baseline=first)
    table["difference"] = table["mean"] - table["base_mean"]
    table["se"] = (table["sd"] ** 2 / table["n"] + table["base_sd"] ** 2 / table["base_n"]) ** 0.5
    table.loc[table["method"] == table["baseline"], "se"] = 0.0
    table = table.drop(columns=["base_mean", "base_sd", "base_n"])
    return table[table.groupby(_PLACE)["method"].transform("nunique") > 1].reset_index(drop=True)
