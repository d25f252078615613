"""Hyperparameter importance: fANOVA on the search of each cell."""

import warnings
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState, create_trial
from sklearn.ensemble import RandomForestRegressor

from analysis.labels import SETTINGS
from analysis.run_data.runs import Run
from analysis.search_history.optuna_studies import CellStudy, cell_studies

MIN_TRIALS = 10  # too few for a forest over up to five hyperparameters
_SEED, _TREES = 0, 32  # twice the trees: shares change by two points, in twice the time
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
_COLUMNS = (
    *("task", "depth", "method", "setting", "importance"),
    *("fit", "trials", "stopped", "reason"),
)


def importance(
    run: Run, tasks: Collection[str] | None = None, depths: Collection[int] | None = None
) -> pd.DataFrame:
    """Returns fANOVA importances (Hutter, Hoos, Leyton-Brown, ICML 2014) of each searched cell.

    Every trial that ended counts with its last score, including those that the scheduler stopped
    early. It stops bad trials: without them only good settings would remain, and a hyperparameter
    that spoils trials would look unimportant. Their lower scores are partly due to fewer epochs,
    which enlarges differences but rarely reverses them. Logarithmic ranges are measured on the
    logarithmic scale; Optuna would weigh all values evenly, and so judge a learning rate by the
    upper end of its range.

    Args:
        run: The study.
        tasks: The tasks to include, all by default; each cell takes a tenth of a second.
        depths: The depths to include, all by default.

    Returns:
        One row per cell and hyperparameter of its method. ``importance``: the share (0..1) of the
        variance of the score over the search space that the hyperparameter explains alone; 0 if
        all trials have the same value; the rest of a cell, up to 1, is interactions. ``fit``: how
        well a forest predicts trials that it was not trained on (out-of-bag R², at most 1); at 0
        or below, the importances are noise. ``trials``: the number of trials, and how many of
        them were ``stopped``. ``reason``: why ``importance`` is missing.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it logs each new study
    trials = run.trials[run.trials["stage"] == "search"]
    for key, wanted in (("task", tasks), ("depth", depths)):
        if wanted is not None:
            trials = trials[trials[key].isin(wanted)]
    # Without reports: they take time and are not used here.
    part = replace(run, trials=trials, reports=run.reports.iloc[:0])
    rows = [row for cell in cell_studies(part) for row in _rows(cell)]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _rows(cell: CellStudy) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(name for trial in cell.trials for name in trial.params))
    ended = [t for t in cell.trials if t.state in _ENDED and "score" in t.user_attrs]
    # The settings of a trial are unknown if its start is damaged.
    ended = [trial for trial in ended if len(trial.params) == len(names)]
    about = {
        **{"task": cell.task, "depth": cell.depth, "method": cell.method, "trials": len(ended)},
        "stopped": sum(trial.state == TrialState.PRUNED for trial in ended),
    }
    reason = _reason(names, ended)
    shares, fit = (dict.fromkeys(names, np.nan), np.nan) if reason else _shares(names, ended)
    return [
        {**about, "setting": name, "importance": shares[name], "fit": fit, "reason": reason}
        for name in names
    ]


def _reason(names: list[str], ended: list[FrozenTrial]) -> str | None:
    """Why a cell has no importances, or None if it has them."""
    if len(ended) < MIN_TRIALS:
        return f"{len(ended)} ended trials, needs {MIN_TRIALS}"
    varied = _varied(names, ended)
    if not varied:
        return "no hyperparameter varied"
    if len(varied) == 1:  # its share would be 1, whatever the scores
        name = SETTINGS.get(varied[0], varied[0]).partition(" (")[0]
        return f"only the {name} varied"
    if len({trial.user_attrs["score"] for trial in ended}) == 1:
        return "all scores are equal"
    return None


def _varied(names: list[str], ended: list[FrozenTrial]) -> list[str]:
    return [name for name in names if len({trial.params[name] for trial in ended}) > 1]


def _shares(names: list[str], ended: list[FrozenTrial]) -> tuple[dict[str, float], float]:
    """The importances of a cell's hyperparameters, and the fit of a forest."""
    varied = _varied(names, ended)
    scores = [trial.user_attrs["score"] for trial in ended]
    trials = []
    for trial, score in zip(ended, scores, strict=True):
        params, distributions = _on_log_scale(trial, varied)
        trials.append(create_trial(value=score, params=params, distributions=distributions))
    study = optuna.create_study(direction="maximize")
    study.add_trials(trials)
    evaluator = FanovaImportanceEvaluator(n_trees=_TREES, seed=_SEED)
    with warnings.catch_warnings():
        # `normalize` is experimental; if true, it spreads interactions over the hyperparameters.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        shares = get_param_importances(study, evaluator=evaluator, normalize=False)
    places = [[t.distributions[n].to_internal_repr(t.params[n]) for n in varied] for t in trials]
    forest = RandomForestRegressor(n_estimators=_TREES, oob_score=True, random_state=_SEED)
    forest.fit(places, scores)
    return dict.fromkeys(names, 0.0) | shares, float(forest.oob_score_)


def _on_log_scale(
    trial: FrozenTrial, names: list[str]
) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
    """A trial's parameters and distributions, with logarithms for logarithmic ranges."""
    params = {name: trial.params[name] for name in names}
    distributions = {name: trial.distributions[name] for name in names}
    for name, distribution in distributions.items():
        if isinstance(distribution, FloatDistribution) and distribution.log:
            low, high = np.log([distribution.low, distribution.high]).tolist()
            distributions[name] = FloatDistribution(low, high)
            # Rounding may leave the range by the last digit.
            params[name] = float(np.clip(np.log(params[name]), low, high))
    return params, distributions
