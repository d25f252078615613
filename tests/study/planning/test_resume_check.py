"""Which commands continue a study, and which are refused because they would change it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pkd.errors import InputError
from pkd.runtime.redaction import redacted_tree
from study.config.config_file import load_study_config
from study.config.study_config import StudyConfig
from study.planning.resume_check import check_same_study
from study.storage.layout import Layout
from tests.support.studies.plans import (
    RTE_STUDY,
    begin_study,
)


def check(layout: Layout, **changes: Any) -> None:
    check_same_study(layout, StudyConfig.model_validate(RTE_STUDY | changes))


def test_any_study_may_begin_in_a_new_folder(tmp_path: Path) -> None:
    check(Layout(tmp_path / "new"))


def test_the_same_configuration_continues_the_study(begun: Layout) -> None:
    check(begun)


@pytest.mark.parametrize(
    "changes",
    [
        {"search": {"trials": 9}},
        {"confirm": {"seeds": 5}},
        {"tasks": ["rte", "sst2"]},
        {"tasks": ["glue"]},
        {"depths": [3, 6]},
        {"resources": {"max_concurrent": 1, "cpus_per_trial": 2}},
    ],
)
def test_a_study_may_grow_and_move_to_other_hardware(
    begun: Layout, changes: dict[str, Any]
) -> None:
    check(begun, **changes)


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"seed": 1}, "seed: 42 there, 1 now"),
        ({"search": {"trials": 3}}, "search.trials: 4 there, 3 now"),
        ({"confirm": {"seeds": 1}}, "confirm.seeds: 2 there, 1 now"),
        ({"tasks": ["sst2"]}, "tasks: ['rte'] there, ['sst2'] now"),
        ({"methods": ["ft"]}, "methods: ['ft', 'kd', 'pkd-skip', 'pkd-last'] there, ['ft'] now"),
        ({"train": {"epochs": 3}}, "train.epochs: 4 there, 3 now"),
        (
            {"search": {"trials": 4, "space": {"alpha": [0.5]}}},
            "search.space.alpha: [0.2, 0.5, 0.7] there, [0.5] now",
        ),
        (
            {"search": {"trials": 4, "asha": None}},
            "search.asha.grace_epochs: 1 there, None now",
        ),
        ({"teacher": {"ensemble": 2}}, "teacher.ensemble: 1 there, 2 now"),
        (
            {"train": {"start_layers": "spaced"}},
            "train.start_layers: 'first' there, 'spaced' now",
        ),
        (
            {"train": {"start_layers": {6: [1, 3, 5, 7, 9, 11]}}},
            "train.start_layers.6: None there, [1, 3, 5, 7, 9, 11] now",
        ),
        (
            {"teacher": {"model": "/models/other"}},
            "'bert-base-uncased' there, '/models/other' now",
        ),
    ],
)
def test_a_changed_key_is_refused_with_the_difference(
    begun: Layout, changes: dict[str, Any], shown: str
) -> None:
    with pytest.raises(InputError) as caught:
        check(begun, **changes)
    assert f"{begun.out} holds another study" in str(caught.value)
    assert shown in str(caught.value)


def test_only_what_differs_is_shown(begun: Layout) -> None:
    with pytest.raises(InputError) as caught:
        check(begun, seed=1, search={"trials": 5, "algorithm": "random"})
    lines = str(caught.value).splitlines()
    # A larger budget is not a difference.
    assert lines[1:3] == [
        "  search.algorithm: 'tpe' there, 'random' now",
        "  seed: 42 there, 1 now",
    ]
    assert len(lines) == 4 and lines[3].startswith("Give another --out")


@pytest.mark.parametrize(
    "text",
    [
        *("", "- 1", "a: [", "format: 1", "{format: x, config: {}}"),
        *("{format: 1, config: 3, created: x}", "[" * 3000, "created: 2020-13-01"),
    ],
)
def test_a_file_that_is_not_a_study_s_record_is_not_overwritten(begun: Layout, text: str) -> None:
    begun.study_file.write_text(text)
    with pytest.raises(InputError, match=r"study\.yaml"):
        check(begun)
    assert begun.study_file.read_text() == text


def test_a_key_that_an_older_version_did_not_record_had_its_default(begun: Layout) -> None:
    content = yaml.safe_load(begun.study_file.read_text())
    del content["config"]["train"]["start_layers"]
    begun.study_file.write_text(yaml.safe_dump(content))
    check(begun)
    with pytest.raises(InputError, match=r"train\.start_layers: 'first' there, 'spaced' now"):
        check(begun, train={"start_layers": "spaced"})
    # A recorded null stays null.
    content["config"]["search"]["asha"] = None
    begun.study_file.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match="asha.grace_epochs: None there, 1 now"):
        check(begun)


@pytest.mark.parametrize("recorded", ["generated encoder", "bert-base-uncased"])
def test_a_study_of_generated_data_continues(tmp_path: Path, encoder: Path, recorded: str) -> None:
    # Earlier versions recorded the default encoder, which was not used.
    study = RTE_STUDY | {"data": {"generated": True}}
    layout = Layout(tmp_path)
    config = begin_study(layout, study, encoder)
    content = yaml.safe_load(layout.study_file.read_text())
    content["config"]["teacher"]["model"] = recorded
    layout.study_file.write_text(yaml.safe_dump(content))
    check_same_study(layout, config)
    with pytest.raises(InputError, match="data.generated: True there, False now"):
        check_same_study(layout, StudyConfig.model_validate(RTE_STUDY))


def test_a_new_depth_brings_its_own_list_of_layers(tmp_path: Path, encoder: Path) -> None:
    layout = Layout(tmp_path)
    lists: dict[int, list[int]] = {6: [1, 2, 3, 4, 5, 12]}
    begin_study(layout, RTE_STUDY | {"train": {"start_layers": lists}}, encoder)
    check(layout, train={"start_layers": lists})
    check(layout, depths=[6, 3], train={"start_layers": lists | {3: [1, 4, 6]}})
    with pytest.raises(InputError, match=r"start_layers.6: \[1, 2, 3, 4, 5, 12\] there"):
        check(layout, train={"start_layers": {6: [1, 2, 3, 4, 5, 6]}})


def test_trackers_may_change_while_a_study_is_interrupted(tmp_path: Path) -> None:
    def record(*overrides: str) -> Any:
        return load_study_config(None, list(overrides))

    before = redacted_tree(
        record("trackers.mlflow=http://ada:s3cret@host").model_dump(mode="json")
    )
    assert before["trackers"]["mlflow"] == "http://***@host"
    layout = Layout(tmp_path)
    layout.study_file.write_text(yaml.safe_dump({"format": 1, "created": "x", "config": before}))
    check_same_study(layout, record("trackers.tensorboard=true"))
    with pytest.raises(InputError, match="seed: 42 there, 1 now"):
        check_same_study(layout, record("trackers.tensorboard=true", "seed=1"))
    # A study of a version without trackers continues as well.
    del before["trackers"]
    layout.study_file.write_text(yaml.safe_dump({"format": 1, "created": "x", "config": before}))
    check_same_study(layout, record("trackers.tensorboard=true"))


def test_a_newer_format_is_refused(begun: Layout) -> None:
    content = yaml.safe_load(begun.study_file.read_text())
    begun.study_file.write_text(yaml.safe_dump(content | {"format": 2}))
    with pytest.raises(InputError, match="newer version"):
        check(begun)


def test_a_recorded_home_folder_is_the_user_s(
    tmp_path: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    study = RTE_STUDY | {"data": {"dir": f"{tmp_path}/glue"}, "teacher": {"model": str(encoder)}}
    layout = Layout(tmp_path)
    config = begin_study(layout, study, encoder)
    check_same_study(layout, config)
    # Earlier versions recorded the whole path.
    content = yaml.safe_load(layout.study_file.read_text())
    assert content["config"]["data"]["dir"] == "~/glue"
    whole = content["config"] | {"data": config.data.model_dump(mode="json")}
    layout.study_file.write_text(yaml.safe_dump(content | {"config": whole}))
    check_same_study(layout, config)
    other = StudyConfig.model_validate(study | {"data": {"dir": f"{tmp_path}/other"}})
    with pytest.raises(InputError, match="data.dir: '~/glue' there, '~/other' now"):
        check_same_study(layout, other)


@pytest.mark.parametrize("damaged", [["mine"], {"mine": {}}, {"mine": None}, "mine"])
def test_a_damaged_record_of_own_methods_is_refused(layout: Layout, damaged: object) -> None:
    record = yaml.safe_load(layout.study_file.read_text())
    layout.study_file.write_text(yaml.safe_dump(record | {"own_methods": damaged}))
    with pytest.raises(InputError, match="cannot read `own_methods`"):
        check_same_study(layout, StudyConfig())
