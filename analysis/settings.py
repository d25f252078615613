"""What the searches say about hyperparameters: each cell's winner, and score against value."""

import pandas as pd

from analysis.comparison import confirmed, teachers, winners
from analysis.labels import TEACHER
from analysis.runs import Run

_ABOUT = ["task", "depth", "method"]


def best_settings(run: Run) -> pd.DataFrame:
    """One row per cell with a search winner, and per teacher: what to reuse.

    Columns: ``task``, ``depth``, ``method``, each hyperparameter (missing where the method has
    none), ``trial``, ``best_epoch``, ``search_score`` (percent; the maximum of ``trials`` usable
    trials, so it flatters), and ``trials``.
    """
    won = pd.concat([teachers(run), winners(run)], ignore_index=True)
    usable = run.trials[run.trials["stage"].isin(["teachers", "search"])]
    usable = usable[usable["state"].isin(["complete", "stopped"]) & usable["score"].notna()]
    counts = usable.groupby(_ABOUT).size().rename("trials")
    table = won.assign(search_score=100 * won["score"])
    table = table[[*_ABOUT, *run.settings, "trial", "best_epoch", "search_score"]]
    return table.join(counts, on=_ABOUT)


def ablation(run: Run, setting: str) -> pd.DataFrame:
    """The search trials that have one hyperparameter: its ``value`` and the ``score`` (percent).

    Trials without a score (failed, unfinished) are left out. ``state`` tells the trials that the
    scheduler stopped early, whose score is that of fewer epochs.
    """
    search = run.trials[run.trials["stage"] == "search"]
    search = search[search["state"].isin(["complete", "stopped"]) & search["score"].notna()]
    if setting not in search:
        return pd.DataFrame(columns=[*_ABOUT, "trial", "value", "state", "score"])
    search = search[search[setting].notna()]
    search = search.assign(value=search[setting], score=100 * search["score"])
    return search[[*_ABOUT, "trial", "value", "state", "score"]].reset_index(drop=True)


def scores_by_method(run: Run) -> pd.DataFrame:
    """Confirmed selection scores by cell: ``mean``, ``sd`` (ddof 1), ``n`` of ``planned`` seeds.

    The selection score (percent) is the mean of a task's metrics on its first dev split. The
    teacher that taught has a row per task with n = 1.
    """
    trials = pd.concat([confirmed(run), teachers(run)])
    scores = (100 * trials["score"]).groupby([trials[key] for key in _ABOUT], sort=False)
    table = scores.agg(mean="mean", sd="std", n="count").reset_index()
    seeds = int(run.study["budget"]["confirm_seeds"])
    table["planned"] = table["method"].map(lambda method: 1 if method == TEACHER else seeds)
    return table[table["n"] > 0].reset_index(drop=True)
