import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from analysis.exchange.config_fragments import write_fragments
from analysis.pages import build_report
from analysis.run_data.runs import load_run
from pkd.distillation.methods import METHODS, STUDENT_METHODS
from study.config.config_file import load_study_config
from study.config.study_config import StudyConfig
from study.search.samplers import dimensions, grid
from tests.support.runs.fake_run import SETTINGS, FakeRun


def recorded(**keys: Any) -> dict[str, Any]:
    """A configuration as ``study.yaml`` records it."""
    tree = {"name": "fake", "tasks": ["rte"], "depths": [6], "data": {"dir": "/data/glue"}} | keys
    return StudyConfig.model_validate(tree).model_dump(mode="json")


def searched(path: Path, task: str = "rte", **study: Any) -> FakeRun:
    """A study with a search winner in each cell of 6 layers: trial 1 with learning rate 3e-5."""
    fake = FakeRun(path, **({"depths": [6], "config": recorded()} | study))
    fake.trial("teachers", task, 12, "teacher", 0, 0.6)
    fake.trial("teachers", task, 12, "teacher", 1, 0.7, learning_rate=5e-5)
    for method in fake.study["methods"]:
        fake.trial("search", task, 6, method, 0, 0.60)
        fake.trial("search", task, 6, method, 1, 0.65, learning_rate=3e-5)
    return fake


def written(fake: FakeRun) -> dict[str, Path]:
    files = write_fragments(load_run(fake.path), fake.path / "report" / "configs")
    return {path.stem: path for path in files}


def test_each_cell_becomes_a_study_of_one_trial_with_the_winners_settings(tmp_path: Path) -> None:
    files = written(searched(tmp_path / "run"))
    assert sorted(files) == sorted(f"rte-6-{method}" for method in STUDENT_METHODS)
    for method in STUDENT_METHODS:
        config = load_study_config(files[f"rte-6-{method}"], [])
        assert (config.tasks, config.depths, config.methods) == (("rte",), (6,), (method,))
        assert config.name == f"fake-rte-6-{method}"
        assert config.search.trials == 1 and config.search.asha is None
        assert not config.search.published_points and not config.search.inherit_from_kd
        points = grid(
            dimensions(config.search.space, METHODS[config.methods[0]].hyperparameters, {})
        )
        assert points == [{**SETTINGS[method], "learning_rate": 3e-5}]
        assert config.teacher.trials == 1 and config.teacher.learning_rate == (5e-5,)


def test_all_teachers_of_an_ensemble_are_trained_again(tmp_path: Path) -> None:
    teacher = {"trials": 2, "ensemble": 2, "learning_rate": [2e-5, 5e-5]}
    path = written(searched(tmp_path / "run", config=recorded(teacher=teacher)))["rte-6-kd"]
    again = load_study_config(path, []).teacher
    assert (again.trials, again.ensemble, again.learning_rate) == (2, 2, (2e-5, 5e-5))
    words = path.read_text().replace("\n#", "")
    assert "The same teachers, one search trial" in words


def test_only_the_given_teachers_of_the_task_are_named(tmp_path: Path) -> None:
    given = {"fine_tuned": {"rte": ["a", "b"], "sst2": "c"}}
    config = recorded(teacher=given, tasks=["rte", "sst2"])
    path = written(searched(tmp_path / "run", config=config))["rte-6-kd"]
    assert load_study_config(path, []).teacher.fine_tuned == {"rte": ("a", "b")}


def test_everything_else_stays_as_the_study_had_it(tmp_path: Path) -> None:
    config = recorded(
        seed=7,
        train={"epochs": 3, "scale": "paper", "init": "teacher"},
        teacher={"model": "/models/bert", "epochs": 5},
        confirm={"seeds": 4},
        resources={"gpus_per_trial": 0.5},
    )
    path = written(searched(tmp_path / "run", config=config))["rte-6-pkd-skip"]
    before, after = StudyConfig.model_validate(config), load_study_config(path, [])
    for key in ("seed", "data", "train", "confirm", "resources"):
        assert getattr(after, key) == getattr(before, key)
    assert (after.teacher.model, after.teacher.epochs) == ("/models/bert", 5)


def test_small_numbers_stay_numbers_in_yaml(tmp_path: Path) -> None:
    path = written(searched(tmp_path / "run"))["rte-6-pkd-last"]
    tree = yaml.safe_load(path.read_text())
    assert tree["search"]["space"]["learning_rate"] == 3e-5  # YAML 1.1 reads 3e-05 as a text
    assert tree["search"]["space"]["normalize"] is True
    assert tree["teacher"]["learning_rate"] == 5e-5


@pytest.mark.parametrize("search", [{"algorithm": "grid"}, {"inherit_from_kd": True}])
def test_grids_and_inherited_values_become_fixed_values_too(
    tmp_path: Path, search: dict[str, Any]
) -> None:
    files = written(searched(tmp_path / "run", config=recorded(search=search)))
    config = load_study_config(files["rte-6-pkd-skip"], [])
    points = grid(dimensions(config.search.space, METHODS["pkd-skip"].hyperparameters, {}))
    assert points == [{**SETTINGS["pkd-skip"], "learning_rate": 3e-5}]


def test_row_limits_by_task_become_the_limit_of_the_task(tmp_path: Path) -> None:
    caps = {"max_train_rows": {"rte": 500, "mnli": 12_000}, "max_dev_rows": {"mnli": 300}}
    config = recorded(tasks=["rte", "mnli"], data=caps)
    path = written(searched(tmp_path / "run", config=config))["rte-6-ft"]
    data = load_study_config(path, []).data
    assert data.cap("max_train_rows", "rte") == 500 and data.cap("max_dev_rows", "rte") is None


def test_a_users_task_keeps_its_file(tmp_path: Path) -> None:
    about = {"metrics": ["accuracy"], "dev_splits": ["dev"], "labels": ["bug", "other"]}
    for file in ("tickets.yaml", "/tasks/tickets.yaml", "~/tickets.yaml"):
        fake = searched(
            tmp_path / file.strip("/").replace("/", "-"),
            task="tickets",
            tasks=("rte",),
            own_tasks={"tickets": about},
            config=recorded(tasks=["rte", file]),
        )
        path = written(fake)["tickets-6-kd"]
        assert load_study_config(path, []).tasks == (os.path.expanduser(file),)
        relative = "relative to the folder where the study started" in path.read_text()
        assert relative == (file == "tickets.yaml")


def test_the_header_explains_the_file_and_holds_the_command(tmp_path: Path) -> None:
    path = written(searched(tmp_path / "my runs"))["rte-6-pkd-skip"]
    opening = path.read_text().partition("\nname:")[0]
    assert all(line.startswith("#") or not line for line in opening.splitlines())
    words = " ".join(line.strip("# ") for line in opening.splitlines())
    assert "One cell of the study fake again: RTE, 6 layers, PKD-Skip" in words
    assert "trial-0001, 65.0 % on dev in epoch 1, the best of 2 of 4 planned trials)" in words
    assert f"pkd-study run --config '{path.resolve()}'" in words
    assert max(map(len, opening.replace(str(path.resolve()), "").splitlines())) <= 99


def test_generated_data_are_announced(tmp_path: Path) -> None:
    config = recorded(data={"generated": True})
    path = written(searched(tmp_path / "run", config=config, generated_data=True))["rte-6-ft"]
    assert "# GENERATED DATA" in path.read_text() and load_study_config(path, []).data.generated


def test_without_a_winner_or_a_configuration_nothing_is_written(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path / "new", config=recorded())
    assert written(fake) == {} and not (fake.path / "report").exists()
    assert written(searched(tmp_path / "old", config=None)) == {}


def test_without_a_recorded_teacher_its_search_is_repeated(tmp_path: Path) -> None:
    config = recorded(teacher={"trials": 2, "learning_rate": [2e-5, 4e-5]})
    fake = FakeRun(tmp_path / "run", depths=[6], methods=["ft"], config=config)
    fake.trial("search", "rte", 6, "ft", 0, 0.6)
    teacher = load_study_config(written(fake)["rte-6-ft"], []).teacher
    assert teacher.trials == 2 and teacher.learning_rate == (2e-5, 4e-5)


def test_a_winner_whose_settings_are_damaged_is_left_out(tmp_path: Path) -> None:
    fake = searched(tmp_path / "run", methods=["ft", "kd"])
    cells = fake.path / "ledger" / "search"
    (cells / "rte-6-kd" / "trial-0001" / "start.json").write_text("{")
    teacher = fake.path / "ledger" / "teachers" / "rte-12-teacher" / "trial-0001" / "start.json"
    teacher.write_text("{")
    files = written(fake)
    assert list(files) == ["rte-6-ft"]
    assert load_study_config(files["rte-6-ft"], []).teacher.trials == 3  # the default search


def test_the_name_of_the_home_folder_is_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = written(searched(tmp_path / "my runs", methods=["ft"]))["rte-6-ft"]
    text = path.read_text()
    assert "--config ~/'my runs/report/configs/rte-6-ft.yaml'" in text
    assert str(tmp_path) not in text


def test_the_report_writes_the_fragments(tmp_path: Path) -> None:
    report = build_report(searched(tmp_path / "run", methods=["ft", "kd"]).path)
    names = sorted(path.name for path in (report.parent / "configs").iterdir())
    assert names == ["rte-6-ft.yaml", "rte-6-kd.yaml"]
