"""The searches as Optuna studies, one per cell, rebuilt from the ledger.

A trial that the scheduler stopped is PRUNED, with the score of each epoch as its intermediate
values. The distributions are the search space that ``study.yaml`` records, in the form that
`study.search.samplers` gives to Optuna.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import optuna
import pandas as pd
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
)
from optuna.trial import FrozenTrial, TrialState, create_trial

from analysis.labels import method_of
from analysis.run_data.runs import STAGES, Run
from pkd.distillation.methods import TEACHER

STATES = {
    "complete": TrialState.COMPLETE,
    "stopped": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "unfinished": TrialState.RUNNING,
}
_SEARCHED = STAGES[:2]  # the confirm stage searches nothing
_INHERITED = ("temperature", "alpha")
_TRIAL = ["stage", "task", "depth", "method", "trial"]
_ATTRIBUTES = ("trial", "seed", "score", "best_epoch", "epochs", "epochs_planned", "seconds")


@dataclass(frozen=True)
class CellStudy:
    """The search of one cell.

    Attributes:
        stage: ``teachers`` or ``search``.
        task: The task.
        depth: The number of layers of the student, or of the teacher.
        method: The method.
        name: ``<run>/<stage>/<task>-<depth>-<method>``.
        trials: The trials in the order of their numbers. The value of a COMPLETE trial is the
            score of its best epoch (0..1), of a PRUNED trial that of its last epoch, as in
            Optuna. User attributes hold the trial's name, seed, best epoch and its score,
            epochs, seconds, metrics, and error.
    """

    stage: str
    task: str
    depth: int
    method: str
    name: str
    trials: list[FrozenTrial]

    def write(self, storage: optuna.storages.BaseStorage | None = None) -> optuna.Study:
        """Creates the Optuna study and returns it.

        Args:
            storage: The storage; in memory by default.

        Raises:
            optuna.exceptions.DuplicatedStudyError: The storage holds a study of this name.
        """
        study = optuna.create_study(storage=storage, study_name=self.name, direction="maximize")
        for key in ("stage", "task", "depth", "method"):
            study.set_user_attr(key, getattr(self, key))
        study.add_trials(self.trials)
        return study


def cell_studies(run: Run) -> Iterator[CellStudy]:
    """Yields the searches of teachers and students that have trials, in the order of the run."""
    trials = run.trials[run.trials["stage"].isin(_SEARCHED) & run.trials["state"].isin(STATES)]
    curves = _epoch_scores(run.reports)
    for key, cell in trials.groupby(_TRIAL[:-1], sort=False):
        stage, task, depth, method = key
        space = _space(run, str(stage), str(method), cell)
        yield CellStudy(
            *(str(stage), str(task), int(str(depth)), str(method)),
            name=f"{run.study['name']}/{stage}/{task}-{depth}-{method}",
            trials=[
                _trial(row, space, curves[tuple(row[name] for name in _TRIAL)])
                for row in cell.to_dict("records")
            ],
        )


def _epoch_scores(reports: pd.DataFrame) -> dict[tuple[Any, ...], list[tuple[int, float, float]]]:
    """The epochs of each trial: number, score and time."""
    curves: dict[tuple[Any, ...], list[tuple[int, float, float]]] = defaultdict(list)
    scored = reports.dropna(subset=["epoch", "score"])
    keys = zip(*(scored[name] for name in _TRIAL), strict=True)
    for key, *epoch in zip(keys, scored["epoch"], scored["score"], scored["time"], strict=True):
        curves[key].append((int(epoch[0]), float(epoch[1]), float(epoch[2])))
    return curves


def _trial(
    row: dict[Any, Any],
    space: dict[str, BaseDistribution],
    curve: list[tuple[int, float, float]],
) -> FrozenTrial:
    state = STATES[row["state"]]
    error = row["error"]
    value = None
    if state == TrialState.COMPLETE:
        value = _python_value(row["score"])
        if value is None:
            state, error = TrialState.FAIL, "the ledger holds no score"
    elif state == TrialState.PRUNED and curve:
        value = curve[-1][1]
    names = [*_ATTRIBUTES, *(name for name in row if "/" in str(name))]
    attributes = {name: _python_value(row[name]) for name in names} | {
        "error": _python_value(error)
    }
    trial = create_trial(
        state=state,
        value=value,
        params={
            name: _python_value(row[name])
            for name in space
            if _python_value(row[name]) is not None
        },
        distributions={
            name: d for name, d in space.items() if _python_value(row[name]) is not None
        },
        intermediate_values={epoch: score for epoch, score, _ in curve},
        user_attrs={name: value for name, value in attributes.items() if value is not None},
    )
    started = _python_value(row["started"])
    if started is not None:  # otherwise Optuna sets it to now
        trial.datetime_start = datetime.fromtimestamp(started)
        if state.is_finished():
            ended = _python_value(curve[-1][2]) if curve else None
            # Not before its start, even if the clock was set back.
            trial.datetime_complete = datetime.fromtimestamp(max(ended or started, started))
    return trial


def _space(run: Run, stage: str, method: str, cell: pd.DataFrame) -> dict[str, BaseDistribution]:
    """The search space of the cell: a distribution for each hyperparameter of its trials."""
    config = run.study.get("config") or {}
    search = config.get("search") or {}
    recorded = dict(search.get("space") or {})
    if stage == "teachers":
        recorded = dict(config.get(TEACHER) or {})
    elif method_of(method).extends_kd and search.get("inherit_from_kd"):
        for name in _INHERITED:
            recorded.pop(name, None)  # one value, that of the KD winner, found in the trials
    space = {}
    for name in run.settings:
        values = list(dict.fromkeys(map(_python_value, cell[name].dropna())))
        if values:
            space[name] = _distribution(recorded.get(name), values)
    return space


def _distribution(recorded: Any, values: list[Any]) -> BaseDistribution:
    """The distribution of a range, a list or a number as ``study.yaml`` records it.

    If the record does not contain the trials' values, the values are the choices.
    """
    if isinstance(recorded, dict):
        low, high, log = recorded["low"], recorded["high"], recorded.get("log", False)
        if all(low <= value <= high for value in values):
            return FloatDistribution(low, high, log=log)
    elif recorded is not None:
        choices = recorded if isinstance(recorded, list) else [recorded]
        if all(value in choices for value in values):
            return CategoricalDistribution(choices)
    return CategoricalDistribution(values)


def _python_value(value: Any) -> Any:
    """A value as a Python object that JSON can hold, None for a missing one."""
    if hasattr(value, "item"):
        value = value.item()
    return None if value != value else value
