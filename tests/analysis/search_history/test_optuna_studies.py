from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState

from analysis.run_data.runs import load_run
from analysis.search_history.optuna_studies import CellStudy, cell_studies
from tests.support.runs.fake_run import FakeRun

SPACE = {
    "learning_rate": {"low": 1e-5, "high": 1e-4, "log": True},
    "temperature": [5.0, 10.0, 20.0],
    "alpha": {"low": 0.2, "high": 0.9, "log": False},
    "beta": [100.0],
    "normalize": [True, False],
}


def study_of(path: Path, **search: Any) -> FakeRun:
    config = {"search": {"space": SPACE, **search}, "teacher": {"learning_rate": [1e-5, 2e-5]}}
    return FakeRun(path, config=config)


def cells(fake: FakeRun) -> dict[str, CellStudy]:
    return {cell.name: cell for cell in cell_studies(load_run(fake.path))}


def epochs(*scores: float) -> dict[str, Any]:
    reports = [{"score": score, "time": 1e9 + 60 * (i + 1)} for i, score in enumerate(scores)]
    return {"epochs": len(scores), "reports": reports}


def test_each_searched_cell_and_teacher_has_a_study(tmp_path: Path) -> None:
    fake = study_of(tmp_path)
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.7)
    fake.trial("search", "rte", 6, "ft", 0, 0.6)
    fake.trial("confirm", "rte", 6, "ft", 0, 0.6)
    assert list(cells(fake)) == ["fake/teachers/rte-12-teacher", "fake/search/rte-6-ft"]


def test_states_become_optunas_states(tmp_path: Path) -> None:
    fake = study_of(tmp_path)
    for number, state in enumerate(("complete", "stopped", "failed", "unfinished")):
        score = None if state == "failed" else 0.6
        fake.trial("search", "rte", 6, "ft", number, score, state=state)
    [cell] = cells(fake).values()
    states = [trial.state for trial in cell.trials]
    assert states == [
        *(TrialState.COMPLETE, TrialState.PRUNED),
        *(TrialState.FAIL, TrialState.RUNNING),
    ]
    assert cell.trials[2].user_attrs["error"] == "RuntimeError: the loss is nan"
    assert "error" not in cell.trials[0].user_attrs
    assert cell.trials[3].datetime_complete is None
    for trial in cell.trials:
        trial._validate()  # Optuna's checks of the state


def test_a_pruned_trial_keeps_the_score_of_each_epoch(tmp_path: Path) -> None:
    fake = study_of(tmp_path)
    fake.trial("search", "rte", 6, "ft", 0, 0.64, state="stopped", **epochs(0.64, 0.61))
    [trial] = cells(fake)["fake/search/rte-6-ft"].trials
    assert trial.intermediate_values == {1: 0.64, 2: 0.61}
    assert trial.value == 0.61  # as Optuna records it: the last one
    assert trial.user_attrs["score"] == 0.64  # ours: the best epoch


def test_a_complete_trial_has_its_best_score_and_its_attributes(tmp_path: Path) -> None:
    fake = study_of(tmp_path)
    fake.trial("search", "rte", 6, "ft", 3, 0.66, seconds=120.0, **epochs(0.6, 0.66, 0.65))
    [trial] = cells(fake)["fake/search/rte-6-ft"].trials
    assert trial.value == 0.66
    assert trial.intermediate_values == {1: 0.6, 2: 0.66, 3: 0.65}
    facts = {"trial": "trial-0003", "seed": 3, "epochs": 3, "seconds": 120.0, "best_epoch": 1}
    assert facts.items() <= trial.user_attrs.items()
    assert trial.user_attrs["validation/accuracy"] == 0.66
    assert trial.datetime_start is not None and trial.datetime_complete is not None
    assert trial.datetime_start.timestamp() == 1e9
    assert trial.datetime_complete.timestamp() == 1e9 + 180


def test_a_complete_trial_without_a_score_fails_with_the_reason(tmp_path: Path) -> None:
    fake = study_of(tmp_path)
    fake.trial("search", "rte", 6, "ft", 0, None)
    [trial] = cells(fake)["fake/search/rte-6-ft"].trials
    assert trial.state == TrialState.FAIL
    assert trial.user_attrs["error"] == "the ledger holds no score"


def test_distributions_are_the_recorded_search_space(tmp_path: Path) -> None:
    fake = study_of(tmp_path)
    fake.trial("search", "rte", 6, "pkd-skip", 0, 0.6, normalize=False)
    fake.trial("search", "rte", 6, "kd", 0, 0.6)
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.7)
    found = cells(fake)
    [trial] = found["fake/search/rte-6-pkd-skip"].trials
    assert trial.distributions == {
        "learning_rate": FloatDistribution(1e-5, 1e-4, log=True),
        "temperature": CategoricalDistribution((5.0, 10.0, 20.0)),
        "alpha": FloatDistribution(0.2, 0.9),
        "beta": CategoricalDistribution((100.0,)),
        "normalize": CategoricalDistribution((True, False)),
    }
    assert trial.params["normalize"] is False
    [trial] = found["fake/search/rte-6-kd"].trials
    assert list(trial.distributions) == ["learning_rate", "temperature", "alpha"]
    [trial] = found["fake/teachers/rte-12-teacher"].trials
    assert trial.distributions == {"learning_rate": CategoricalDistribution((1e-5, 2e-5))}


def test_values_that_pkd_inherits_from_kd_are_fixed(tmp_path: Path) -> None:
    fake = study_of(tmp_path, inherit_from_kd=True)
    fake.trial("search", "rte", 6, "kd", 0, 0.6)
    for number in range(2):
        fake.trial("search", "rte", 6, "pkd-last", number, 0.6, temperature=20.0, alpha=0.7)
    found = cells(fake)
    [kd] = found["fake/search/rte-6-kd"].trials
    assert kd.distributions["alpha"] == FloatDistribution(0.2, 0.9)
    for trial in found["fake/search/rte-6-pkd-last"].trials:
        assert trial.distributions["temperature"] == CategoricalDistribution((20.0,))
        assert trial.distributions["alpha"] == CategoricalDistribution((0.7,))
        assert trial.distributions["normalize"] == CategoricalDistribution((True, False))


@pytest.mark.parametrize("recorded", [None, [1.0], {"low": 0.0, "high": 0.1}])
def test_values_are_the_choices_if_the_recorded_space_does_not_contain_them(
    tmp_path: Path, recorded: Any
) -> None:
    fake = FakeRun(tmp_path, config={"search": {"space": {"alpha": recorded}}})
    for number, alpha in enumerate((0.5, 0.7, 0.5)):
        fake.trial("search", "rte", 6, "kd", number, 0.6, alpha=alpha)
    for trial in cells(fake)["fake/search/rte-6-kd"].trials:
        assert trial.distributions["alpha"] == CategoricalDistribution((0.5, 0.7))


def test_optuna_takes_the_study_and_finds_its_best_trial(tmp_path: Path) -> None:
    fake = study_of(tmp_path)
    for number, score in enumerate((0.6, 0.7, 0.65)):
        fake.trial("search", "rte", 6, "kd", number, score, alpha=0.3 + 0.1 * number)
    study = cells(fake)["fake/search/rte-6-kd"].write()
    assert (study.best_value, study.best_params["alpha"]) == (0.7, 0.4)
    assert study.user_attrs == {"stage": "search", "task": "rte", "depth": 6, "method": "kd"}


def test_a_run_without_trials_has_no_studies(fake: FakeRun) -> None:
    assert cells(fake) == {}


def test_a_trial_ends_at_its_start_if_the_clock_was_set_back(tmp_path: Path) -> None:
    fake = study_of(tmp_path)
    fake.trial("search", "rte", 6, "ft", 0, 0.6, reports=[{"time": 1e9 - 2 * 86400}])
    [trial] = cells(fake)["fake/search/rte-6-ft"].trials
    assert trial.datetime_start is not None and trial.datetime_complete == trial.datetime_start
