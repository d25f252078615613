"""A study of more than a day names the options that make it shorter, with the time left."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import BertConfig

from pkd.data.preparation import Prepared, prepare_task
from pkd.tasks.glue import GLUE
from study.config.study_config import StudyConfig
from study.planning.announcement import announcement
from study.planning.plan import Plan
from study.planning.smaller import warning
from tests.support.studies.plans import plan_of

DAY = 24 * 3600.0


@pytest.fixture(scope="module")
def rte(tiny_data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    cache = tmp_path_factory.mktemp("tokens")
    return prepare_task(GLUE["rte"], tiny_model, cache, tiny_data)


def planned(tasks: dict[str, Prepared], **config: Any) -> Plan:
    return plan_of(
        StudyConfig.model_validate({"tasks": list(tasks)} | config), tasks, BertConfig()
    )


@pytest.mark.parametrize("seconds", [0.0, 3600.0, DAY - 1])
def test_a_study_of_less_than_a_day_is_not_warned_of(rte: Prepared, seconds: float) -> None:
    assert warning(planned({"rte": rte}), seconds) == ""


def test_the_plan_ends_with_the_warning(rte: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned({"rte": rte})
    monkeypatch.setattr(Plan, "seconds", lambda self: 31 * DAY)
    lines = announcement(plan, "runs/x").splitlines()
    assert "  LONG: this is about 31 d 0 h on this machine. Shorter, each alone:" in lines
    assert any(line.startswith("    --set search.trials=4 ") for line in lines)
    assert "LONG" not in announcement(plan, "runs/x", begun=True)  # it would refuse to shrink
    monkeypatch.setattr(Plan, "seconds", lambda self: 100.0)
    assert "LONG" not in announcement(plan, "runs/x")


def test_each_option_has_the_time_that_the_study_takes_with_it(rte: Prepared) -> None:
    plan = planned({"rte": rte, "mrpc": replace(rte, task=GLUE["mrpc"])}, depths=[6, 3])
    shown = {
        line.split("  about ")[0].strip(): line.split("  about ")[1]
        for line in warning(plan, 100 * DAY).splitlines()[1:]
        if "  about " in line
    }
    # An independent way: the same study without the option, and with it.
    with_it = {
        "--set search.trials=4": {"search": {"trials": 4}},
        "--set train.epochs=2": {"train": {"epochs": 2}},
        "--set depths=3": {"depths": [3]},
    }
    for option, change in with_it.items():
        other = planned(plan.tasks, **{"depths": [6, 3]} | change)
        days = 100 * other.operations() / plan.operations()
        assert int(shown[option].split(" d")[0]) == int(days), option
    # Two tasks of the same rows.
    assert shown["--tasks rte"].startswith("50 d") or shown["--tasks mrpc"].startswith("50 d")
    assert "--set data.max_train_rows=10000" not in shown


def test_a_task_of_ones_own_is_named_by_its_path(rte: Prepared) -> None:
    tasks = {"tickets": rte, "calls": rte}  # the first of equals is named
    config = StudyConfig.model_validate({"tasks": ["my tickets/", "calls.yaml"]})
    shown = warning(plan_of(config, tasks, BertConfig()), 2 * DAY)
    assert "    --tasks 'my tickets/' " in shown
    twice = StudyConfig.model_validate({"tasks": ["my tickets/", "calls.yaml", "./calls.yaml"]})
    assert "--tasks" not in warning(plan_of(twice, tasks, BertConfig()), 2 * DAY)


@pytest.mark.parametrize(
    ("config", "absent"),
    [
        ({"search": {"trials": 4}}, "search.trials"),
        ({"train": {"epochs": 2}}, "train.epochs"),
        ({"search": {"asha": {"grace_epochs": 3}}}, "train.epochs"),
        ({"depths": [3]}, "depths"),
        ({"name": "laptop"}, "--config laptop"),
    ],
)
def test_only_options_that_make_this_study_shorter_are_named(
    config: dict[str, Any], absent: str, rte: Prepared
) -> None:
    assert absent in warning(planned({"rte": rte}), 2 * DAY)
    assert absent not in warning(planned({"rte": rte}, **config), 2 * DAY)
    assert "--tasks" not in warning(planned({"rte": rte}), 2 * DAY)


def test_many_rows_may_be_fewer(rte: Prepared) -> None:
    rows = dict.fromkeys(rte.rows, 20_000)
    plan = planned({"rte": replace(rte, rows=rows)})
    assert "--set data.max_train_rows=10000  about 2 d 0 h" in warning(plan, 4 * DAY)
