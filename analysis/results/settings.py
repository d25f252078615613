"""Hyperparameters: the search winner of each cell, and scores against values."""

import pandas as pd

from analysis.labels import method_of
from analysis.results.comparison import confirmed, teachers, winners
from analysis.run_data.runs import Run
from pkd.distillation.methods import TEACHER

_CELL = ["task", "depth", "method"]
# For settings that are part of a cell: the keys that the compared cells share.
_SHARED = {"depth": ["task", "method"], "strategy": ["task", "depth"]}


def best_settings(run: Run) -> pd.DataFrame:
    """Returns one row per teacher and per cell with a search winner: the settings to reuse.

    Columns: ``task``, ``depth``, ``method``, each hyperparameter (missing if the method does not
    have it), ``trial``, ``best_epoch``, ``search_score`` (percent; optimistic, because it is the
    maximum of ``trials`` usable trials), ``constant`` (whether it predicts a single class), and
    ``trials``.
    """
    won = pd.concat([teachers(run), winners(run)], ignore_index=True)
    usable = run.trials[run.trials["stage"].isin(["teachers", "search"])]
    usable = usable[usable["state"].isin(["complete", "stopped"]) & usable["score"].notna()]
    counts = usable.groupby(_CELL).size().rename("trials")
    table = won.assign(search_score=100 * won["score"])
    table = table[[*_CELL, *run.settings, "trial", "best_epoch", "search_score", "constant"]]
    return table.join(counts, on=_CELL)


def ablation(run: Run, setting: str) -> pd.DataFrame:
    """Returns ``value`` and ``score`` (percent) of the search trials with one hyperparameter.

    Trials without a score (failed, unfinished) are left out. ``state`` is ``stopped`` for trials
    that the scheduler stopped early: their score rests on fewer epochs.

    Args:
        run: The study.
        setting: A hyperparameter; or ``depth``, or ``strategy`` (skip or last, PKD cells only).
            A study searches the last two as cells.

    Returns:
        Columns ``task``, ``depth``, ``method``, ``trial``, ``value``, ``state``, ``constant``
        (whether it predicts a single class), ``score`` and ``centred``: the score minus the mean
        score of its cell, in points, so that tasks can be pooled. For ``depth`` the mean is that
        of the task and method, for ``strategy`` that of the task and depth, because the mean of
        the cell would remove the effect. ``centred`` is missing if the group has tried a single
        value.
    """
    search = _ended_search(run)
    search = search.assign(strategy=search["method"].map(_strategy))
    columns = [*_CELL, "trial", "value", "state", "constant", "score", "centred"]
    if setting not in [*run.settings, *_SHARED]:
        return pd.DataFrame(columns=columns)
    search = search[search[setting].notna()]
    search = search.assign(value=search[setting])
    groups = search.groupby(_SHARED.get(setting, _CELL))
    varied = groups["value"].transform("nunique") > 1
    centred = (search["score"] - groups["score"].transform("mean")).where(varied)
    return search.assign(centred=centred)[columns].reset_index(drop=True)


def interaction(run: Run, first: str, second: str) -> pd.DataFrame:
    """Returns the search trials with two hyperparameters, to show how they act together.

    Returns:
        Columns ``task``, ``depth``, ``method``, ``trial``, one named after each of the two,
        ``state``, ``score`` (percent) and ``centred``: the score minus the mean of its cell, in
        points. Cells with a single trial are left out.
    """
    search = _ended_search(run)
    columns = [*_CELL, "trial", first, second, "state", "score"]
    search = search.reindex(columns=columns).dropna(subset=[first, second])
    scores = search.groupby(_CELL)["score"]
    search = search.assign(centred=search["score"] - scores.transform("mean"))
    return search[scores.transform("size") > 1].reset_index(drop=True)


def _ended_search(run: Run) -> pd.DataFrame:
    """The search trials with a score, in percent."""
    search = run.trials[run.trials["stage"] == "search"]
    search = search[search["state"].isin(["complete", "stopped"]) & search["score"].notna()]
    return search.assign(score=100 * search["score"])


def scores_by_method(run: Run) -> pd.DataFrame:
    """Returns confirmed scores by cell: ``mean``, ``sd`` (ddof 1), ``n`` of ``planned`` seeds.

    The score (percent) is the one that searches maximise: the mean of a task's metrics on its
    first dev split. ``constant`` is how many of the n predict a single class. The teacher has one
    row per task, with n = 1.
    """
    trials = pd.concat([confirmed(run), teachers(run)])
    scores = (100 * trials["score"]).groupby([trials[key] for key in _CELL], sort=False)
    table = scores.agg(mean="mean", sd="std", n="count").reset_index()
    table = table.join(trials.groupby(_CELL)["constant"].sum(), on=_CELL)
    seeds = int(run.study["budget"]["confirm_seeds"])
    table["planned"] = table["method"].map(lambda method: 1 if method == TEACHER else seeds)
    return table[table["n"] > 0].reset_index(drop=True)


def _strategy(method: str) -> str | None:
    return method_of(method).strategy_label or None
