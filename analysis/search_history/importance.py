"""Which hyperparameters decided a cell's scores: fANOVA on the search, rebuilt for Optuna."""

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

MIN_TRIALS = 10  # a forest on fewer trials of up to five hyperparameters says nothing
_SEED, _TREES = 0, 32  # twice the trees move a share by two points, and take twice the time
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
_COLUMNS = (
    *("task", "depth", "method", "setting", "importance"),
    *("fit", "trials", "stopped", "reason"),
)


def importance(
    run: Run, tasks: Collection[str] | None = None, depths: Collection[int] | None = None
) -> pd.DataFrame:
    """fANOVA importances (Hutter, Hoos, Leyton-Brown, ICML 2014) of each searched cell.

    Every trial that ended enters with the score that it had at its end, those that the scheduler
    stopped too: they were stopped for being worse than others after as many epochs, so that
    without them only good settings were left and what made the bad ones bad would look
    unimportant. Their lower scores are partly those of fewer epochs, which enlarges differences
    but seldom reverses them. Ranges that were searched over orders of magnitude are measured on
    that scale; Optuna by itself would spread fANOVA's weight evenly over the values, and so judge
    a learning rate by the upper end of its range.

    Args:
        run: The study.
        tasks: Only these; a tenth of a second a cell adds up in a large study.
        depths: Only these.

    Returns:
        One row per cell and hyperparameter that its method has, so that none is credited in a
        method that has none. ``importance``: the share (0..1) of the variance of the score over
        the search space that the hyperparameter explains alone; what a cell lacks to 1 are
        interactions; 0 if all trials have the same value. ``fit``: how well a forest predicts
        trials that it was not grown on (out-of-bag R², at most 1); at 0 or below, the importances
        are noise. ``trials`` that entered and how many of them were ``stopped``. Where
        ``importance`` is missing, ``reason`` says why.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it greets each study by name
    trials = run.trials[run.trials["stage"] == "search"]
    for key, wanted in (("task", tasks), ("depth", depths)):
        if wanted is not None:
            trials = trials[trials[key].isin(wanted)]
    # Without reports, which take time and tell nothing here.
    part = replace(run, trials=trials, reports=run.reports.iloc[:0])
    rows = [row for cell in cell_studies(part) for row in _rows(cell)]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _rows(cell: CellStudy) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(name for trial in cell.trials for name in trial.params))
    ended = [t for t in cell.trials if t.state in _ENDED and "score" in t.user_attrs]
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
    """Why a cell has no importances, or None if it has."""
    if len(ended) < MIN_TRIALS:
        return f"{len(ended)} ended trials, fewer than {MIN_TRIALS}"
    varied = _varied(names, ended)
    if not varied:
        return "no hyperparameter varied"
    if len(varied) == 1:  # it would explain everything, whatever the scores
        name = SETTINGS.get(varied[0], varied[0]).partition(" (")[0]
        return f"only the {name} varied: nothing to compare it with"
    if len({trial.user_attrs["score"] for trial in ended}) == 1:
        return "all scores are equal"
    return None


def _varied(names: list[str], ended: list[FrozenTrial]) -> list[str]:
    return [name for name in names if len({trial.params[name] for trial in ended}) > 1]


def _shares(names: list[str], ended: list[FrozenTrial]) -> tuple[dict[str, float], float]:
    """The importances of a cell's hyperparameters, and how well a forest predicts its trials."""
    varied = _varied(names, ended)
    scores = [trial.user_attrs["score"] for trial in ended]
    trials = []
    for trial, score in zip(ended, scores, strict=True):
        params, distributions = _as_measured(trial, varied)
        trials.append(create_trial(value=score, params=params, distributions=distributions))
    study = optuna.create_study(direction="maximize")
    study.add_trials(trials)
    evaluator = FanovaImportanceEvaluator(n_trees=_TREES, seed=_SEED)
    with warnings.catch_warnings():
        # Of `normalize`, which would share out the interactions among the hyperparameters.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        shares = get_param_importances(study, evaluator=evaluator, normalize=False)
    places = [[t.distributions[n].to_internal_repr(t.params[n]) for n in varied] for t in trials]
    forest = RandomForestRegressor(n_estimators=_TREES, oob_score=True, random_state=_SEED)
    forest.fit(places, scores)
    return dict.fromkeys(names, 0.0) | shares, float(forest.oob_score_)


def _as_measured(
    trial: FrozenTrial, names: list[str]
) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
    """A trial's parameters and distributions, with logarithms for what was searched so."""
    params = {name: trial.params[name] for name in names}
    distributions = {name: trial.distributions[name] for name in names}
    for name, distribution in distributions.items():
        if isinstance(distribution, FloatDistribution) and distribution.log:
            low, high = np.log([distribution.low, distribution.high]).tolist()
            distributions[name] = FloatDistribution(low, high)
            # Rounding may lead out of a range by the last digit.
            params[name] = float(np.clip(np.log(params[name]), low, high))
    return params, distributions
