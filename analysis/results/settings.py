"""What the searches say about hyperparameters: each cell's winner, and score against value."""

import pandas as pd

from analysis.labels import method_of
from analysis.results.comparison import confirmed, teachers, winners
from analysis.run_data.runs import Run
from pkd.distillation.methods import TEACHER

_ABOUT = ["task", "depth", "method"]
# What a cell shares with those that it is compared with, where the setting is part of the cell.
_SHARED = {"depth": ["task", "method"], "strategy": ["task", "depth"]}


def best_settings(run: Run) -> pd.DataFrame:
    """One row per cell with a search winner, and per teacher: what to reuse.

    Columns: ``task``, ``depth``, ``method``, each hyperparameter (missing where the method has
    none), ``trial``, ``best_epoch``, ``search_score`` (percent; the maximum of ``trials`` usable
    trials, so it flatters), ``constant`` (whether it predicts one class only), and ``trials``.
    """
    won = pd.concat([teachers(run), winners(run)], ignore_index=True)
    usable = run.trials[run.trials["stage"].isin(["teachers", "search"])]
    usable = usable[usable["state"].isin(["complete", "stopped"]) & usable["score"].notna()]
    counts = usable.groupby(_ABOUT).size().rename("trials")
    table = won.assign(search_score=100 * won["score"])
    table = table[[*_ABOUT, *run.settings, "trial", "best_epoch", "search_score", "constant"]]
    return table.join(counts, on=_ABOUT)


def ablation(run: Run, setting: str) -> pd.DataFrame:
    """The search trials that have one hyperparameter: its ``value`` and the ``score`` (percent).

    Trials without a score (failed, unfinished) are left out. ``state`` tells the trials that the
    scheduler stopped early, whose score is that of fewer epochs.

    Args:
        run: The study.
        setting: A hyperparameter; or ``depth``, or ``strategy`` (skip or last, PKD cells only),
            which a study searches as cells.

    Returns:
        Columns ``task``, ``depth``, ``method``, ``trial``, ``value``, ``state``, ``score`` and
        ``centred``: the score minus the mean score of its cell, in points, so that tasks can be
        pooled. Of a depth it is the mean of the task and method, of a strategy that of the task
        and depth, because the mean of the cell would take the effect away. It is missing where
        that group has tried one value only, which tells nothing of the setting.
    """
    search = _ended_search(run)
    search = search.assign(strategy=search["method"].map(_strategy))
    columns = [*_ABOUT, "trial", "value", "state", "score", "centred"]
    if setting not in [*run.settings, *_SHARED]:
        return pd.DataFrame(columns=columns)
    search = search[search[setting].notna()]
    search = search.assign(value=search[setting])
    groups = search.groupby(_SHARED.get(setting, _ABOUT))
    varied = groups["value"].transform("nunique") > 1
    centred = (search["score"] - groups["score"].transform("mean")).where(varied)
    return search.assign(centred=centred)[columns].reset_index(drop=True)


def interaction(run: Run, first: str, second: str) -> pd.DataFrame:
    """The search trials that have two hyperparameters, for how they act together.

    Returns:
        Columns ``task``, ``depth``, ``method``, ``trial``, one named after each of the two,
        ``state``, ``score`` (percent) and ``centred``: the score minus the mean of its cell, in
        points. Cells with a single trial are left out: they have nothing to compare.
    """
    search = _ended_search(run)
    columns = [*_ABOUT, "trial", first, second, "state", "score"]
    search = search.reindex(columns=columns).dropna(subset=[first, second])
    scores = search.groupby(_ABOUT)["score"]
    search = search.assign(centred=search["score"] - scores.transform("mean"))
    return search[scores.transform("size") > 1].reset_index(drop=True)


def _ended_search(run: Run) -> pd.DataFrame:
    """The search trials that have a score, in percent."""
    search = run.trials[run.trials["stage"] == "search"]
    search = search[search["state"].isin(["complete", "stopped"]) & search["score"].notna()]
    return search.assign(score=100 * search["score"])


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


def _strategy(method: str) -> str | None:
    return method_of(method).strategy_label or None
