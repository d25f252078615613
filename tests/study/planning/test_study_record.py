"""``study.yaml`` records the study: its configuration, budget, versions, tasks and models."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from study.config.study_config import StudyConfig
from study.planning.study_record import write_study_file
from study.storage.layout import Layout
from tests.support.studies.plans import (
    RTE_STUDY,
    begin_study,
    own_task,
    plan_of_task,
    task_with_unlabelled_rows,
)


def recorded(layout: Layout) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(layout.study_file.read_text())
    return content


def test_versions_budget_and_the_whole_configuration_are_recorded(begun: Layout) -> None:
    content = recorded(begun)
    assert content["budget"] == {
        "teacher_trials": 3,
        "search_trials": {"ft": 4, "kd": 4, "pkd-skip": 4, "pkd-last": 4},
        "confirm_seeds": 2,
        "epochs": 4,
    }
    parameters = content["teacher"].pop("parameters")
    assert content["teacher"] == {"name": "bert-base-uncased", "layers": 12, "hidden": 768}
    assert parameters["total"] == 109_482_240
    assert {"torch", "ray", "optuna", "python"} <= set(content["versions"])
    # The recorded configuration is a configuration: it would run the same study.
    again = StudyConfig.model_validate(content["config"])
    assert again == StudyConfig.model_validate(RTE_STUDY)


def test_neither_the_home_folder_nor_a_secret_is_recorded(
    tmp_path: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    address = "--address=ray://ada:t0ken@head:10001"
    monkeypatch.setattr("sys.argv", ["study/run.py", "--data", f"{tmp_path}/glue", address])
    models = {"data": {"dir": f"{tmp_path}/glue"}, "teacher": {"model": str(encoder)}}
    layout = Layout(tmp_path)
    begin_study(layout, RTE_STUDY | models, encoder)
    text = layout.study_file.read_text()
    assert str(tmp_path) not in text and "t0ken" not in text
    content = recorded(layout)
    command = "python study/run.py --data ~/glue '--address=ray://***@head:10001'"
    assert content["command"] == command
    assert content["teacher"]["name"] == "encoder" and content["config"]["data"]["dir"] == "~/glue"


def test_a_resumed_study_keeps_the_date_of_its_first_command(begun: Layout, encoder: Path) -> None:
    begun.study_file.write_text(yaml.safe_dump(recorded(begun) | {"created": "2020-01-01"}))
    begin_study(begun, RTE_STUDY | {"search": {"trials": 6}}, encoder)
    content = recorded(begun)
    assert content["created"] == "2020-01-01"
    assert content["budget"]["search_trials"]["kd"] == 6


def test_the_keys_of_a_user_s_task_are_recorded(tmp_path: Path, encoder: Path) -> None:
    layout = Layout(tmp_path)
    write_study_file(layout, plan_of_task(encoder, own_task(class_weights=[1, 3])), encoder)
    task = recorded(layout)["tasks"]["own"]
    assert task["texts"] == ["text"]
    assert task["dev_fraction"] == 0.2 and task["dev_splits"] == ["validation"]
    assert task["held_out"] == ["later"] and task["class_weights"] == [1, 3]


def test_what_was_found_about_the_data_is_recorded(tmp_path: Path, encoder: Path) -> None:
    layout = Layout(tmp_path)
    found = ("rows of later that are also in train: 2 of 4", "later has no rows of bad")
    write_study_file(layout, plan_of_task(encoder, own_task(notes=found)), encoder)
    assert recorded(layout)["tasks"]["own"]["notes"] == list(found)
    write_study_file(layout, plan_of_task(encoder, own_task()), encoder)
    assert "notes" not in recorded(layout)["tasks"]["own"]


def test_the_generated_encoder_is_recorded_and_not_the_default(
    tmp_path: Path, encoder: Path
) -> None:
    layout = Layout(tmp_path)
    begin_study(layout, RTE_STUDY | {"data": {"generated": True}}, encoder)
    content = recorded(layout)
    assert content["config"]["teacher"]["model"] == "generated encoder"
    assert content["teacher"]["name"] == "generated encoder"
    assert "bert-base-uncased" not in layout.study_file.read_text()


def test_unlabelled_rows_are_counted_apart(tmp_path: Path, encoder: Path) -> None:
    layout = Layout(tmp_path)
    plan = plan_of_task(encoder, task_with_unlabelled_rows("all"))
    write_study_file(layout, plan, encoder)
    task = recorded(layout)["tasks"]["own"]
    assert (task["train_rows"], task["unlabelled_rows"]) == (4, 7)
