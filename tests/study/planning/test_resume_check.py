"""``study.yaml``: which commands go on with a study and which would make it another one."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from transformers import BertConfig

from pkd.data.preparation import Prepared
from pkd.errors import InputError
from pkd.tasks.glue import GLUE
from pkd.tasks.task import Task
from study.config.study_config import StudyConfig
from study.planning.plan import Plan
from study.planning.resume_check import check_same_inputs, check_same_study
from study.planning.study_record import write_study_file
from study.storage.layout import Layout
from tests.support.studies.plans import plan_of

FIRST = {"tasks": ["rte"], "search": {"trials": 4}, "confirm": {"seeds": 2}, "depths": [6]}


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """The folder that the study starts from; only its bytes matter here."""
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


@pytest.fixture
def layout(tmp_path: Path, encoder: Path) -> Layout:
    """A study of `FIRST` that has begun."""
    layout = Layout(tmp_path)
    config = StudyConfig.model_validate(FIRST)
    write_study_file(layout, plan_of(config, {}, BertConfig(), encoder), encoder)
    return layout


def check(layout: Layout, **changes: Any) -> None:
    check_same_study(layout, StudyConfig.model_validate(FIRST | changes))


def test_a_new_folder_takes_any_study(tmp_path: Path) -> None:
    check(Layout(tmp_path / "new"))


def test_the_same_configuration_goes_on(layout: Layout) -> None:
    check(layout)


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
    layout: Layout, changes: dict[str, Any]
) -> None:
    check(layout, **changes)


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
    layout: Layout, changes: dict[str, Any], shown: str
) -> None:
    with pytest.raises(InputError) as caught:
        check(layout, **changes)
    assert f"{layout.out} holds another study" in str(caught.value)
    assert shown in str(caught.value)


def test_only_what_differs_is_shown(layout: Layout) -> None:
    with pytest.raises(InputError) as caught:
        check(layout, seed=1, search={"trials": 5, "algorithm": "random"})
    lines = str(caught.value).splitlines()
    # A larger budget is no difference.
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
def test_a_file_that_is_no_study_s_is_not_overwritten(layout: Layout, text: str) -> None:
    layout.study_file.write_text(text)
    with pytest.raises(InputError, match=r"study\.yaml"):
        check(layout)
    assert layout.study_file.read_text() == text


def test_a_key_that_an_older_version_did_not_know_had_its_default(layout: Layout) -> None:
    content = yaml.safe_load(layout.study_file.read_text())
    del content["config"]["train"]["start_layers"]
    layout.study_file.write_text(yaml.safe_dump(content))
    check(layout)
    with pytest.raises(InputError, match=r"train\.start_layers: 'first' there, 'spaced' now"):
        check(layout, train={"start_layers": "spaced"})
    # What it knew to be off stays off.
    content["config"]["search"]["asha"] = None
    layout.study_file.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match="asha.grace_epochs: None there, 1 now"):
        check(layout)


def test_a_new_depth_brings_its_own_list_of_layers(tmp_path: Path, encoder: Path) -> None:
    layout = Layout(tmp_path)
    lists: dict[int, list[int]] = {6: [1, 2, 3, 4, 5, 12]}
    first = FIRST | {"train": {"start_layers": lists}}
    config = StudyConfig.model_validate(first)
    write_study_file(layout, plan_of(config, {}, BertConfig(), encoder), encoder)
    check(layout, train={"start_layers": lists})
    check(layout, depths=[6, 3], train={"start_layers": lists | {3: [1, 4, 6]}})
    with pytest.raises(InputError, match=r"start_layers.6: \[1, 2, 3, 4, 5, 12\] there"):
        check(layout, train={"start_layers": {6: [1, 2, 3, 4, 5, 6]}})


def test_a_newer_format_is_refused(layout: Layout) -> None:
    content = yaml.safe_load(layout.study_file.read_text())
    layout.study_file.write_text(yaml.safe_dump(content | {"format": 2}))
    with pytest.raises(InputError, match="newer version"):
        check(layout)


def test_the_file_tells_versions_budget_and_the_whole_configuration(layout: Layout) -> None:
    content = yaml.safe_load(layout.study_file.read_text())
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
    assert again == StudyConfig.model_validate(FIRST)


def test_the_home_folder_is_not_recorded(
    tmp_path: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    address = "--address=ray://ada:t0ken@head:10001"
    monkeypatch.setattr("sys.argv", ["study/run.py", "--data", f"{tmp_path}/glue", address])
    given = FIRST | {"data": {"dir": f"{tmp_path}/glue"}, "teacher": {"model": str(encoder)}}
    layout, config = Layout(tmp_path), StudyConfig.model_validate(given)
    write_study_file(layout, plan_of(config, {}, BertConfig(), encoder), encoder)
    text = layout.study_file.read_text()
    assert str(tmp_path) not in text and "t0ken" not in text
    content = yaml.safe_load(text)
    command = "python study/run.py --data ~/glue '--address=ray://***@head:10001'"
    assert content["command"] == command
    assert content["teacher"]["name"] == "encoder" and content["config"]["data"]["dir"] == "~/glue"
    check_same_study(layout, config)
    # As earlier versions recorded it.
    whole = content["config"] | {"data": config.data.model_dump(mode="json")}
    layout.study_file.write_text(yaml.safe_dump(content | {"config": whole}))
    check_same_study(layout, config)
    other = StudyConfig.model_validate(given | {"data": {"dir": f"{tmp_path}/other"}})
    with pytest.raises(InputError, match="data.dir: '~/glue' there, '~/other' now"):
        check_same_study(layout, other)


def test_writing_again_keeps_the_date_of_the_first_run(layout: Layout, encoder: Path) -> None:
    content = yaml.safe_load(layout.study_file.read_text())
    layout.study_file.write_text(yaml.safe_dump(content | {"created": "2020-01-01"}))
    config = StudyConfig.model_validate(FIRST | {"search": {"trials": 6}})
    write_study_file(layout, plan_of(config, {}, BertConfig(), encoder), encoder)
    content = yaml.safe_load(layout.study_file.read_text())
    assert content["created"] == "2020-01-01"
    assert content["budget"]["search_trials"]["kd"] == 6


def test_other_rows_under_the_same_names_are_refused(tmp_path: Path, encoder: Path) -> None:
    layout, config = Layout(tmp_path), StudyConfig.model_validate(FIRST)

    def plan(train: str) -> Plan:
        # A token folder is named by its content.
        tokens = {"train": Path(train), "validation": Path("dev")}
        rte = GLUE["rte"].model_copy(update={"test": ()})
        rows = {"train": 8, "validation": 4}
        return plan_of(config, {"rte": Prepared(rte, tokens, rows)}, BertConfig(), encoder)

    check_same_inputs(layout, plan("first"), encoder)
    write_study_file(layout, plan("first"), encoder)
    task = yaml.safe_load(layout.study_file.read_text())["tasks"]["rte"]
    assert task["texts"] == ["sentence1", "sentence2"]
    check_same_inputs(layout, plan("first"), encoder)
    with pytest.raises(InputError, match="tokenizer or given teacher of rte have"):
        check_same_inputs(layout, plan("second"), encoder)


def test_what_a_users_task_adds_is_recorded_and_its_weights_and_metrics_may_not_change(
    tmp_path: Path, encoder: Path
) -> None:
    layout, config = Layout(tmp_path), StudyConfig.model_validate(FIRST)

    def plan(**keys: Any) -> Plan:
        files = {"train": Path("train.csv"), "later": Path("later.csv")}
        task = Task(name="own", texts=("text",), labels=("bad", "good"), files=files,
                    held_out=("later",), dev_fraction=0.2, **keys)  # fmt: skip
        splits = ("train", "validation", "later")
        tokens, rows = {s: Path(s) for s in splits}, dict.fromkeys(splits, 4)
        return plan_of(config, {"own": Prepared(task, tokens, rows)}, BertConfig(), encoder)

    write_study_file(layout, plan(class_weights=[1, 3]), encoder)
    recorded = yaml.safe_load(layout.study_file.read_text())["tasks"]["own"]
    assert recorded["dev_fraction"] == 0.2 and recorded["dev_splits"] == ["validation"]
    assert recorded["held_out"] == ["later"] and recorded["class_weights"] == [1, 3]
    check_same_inputs(layout, plan(class_weights=[1, 3]), encoder)
    for other in ({}, {"class_weights": "balanced"}, {"class_weights": [1, 2]}):
        with pytest.raises(InputError, match="given teacher of own have"):
            check_same_inputs(layout, plan(**other), encoder)
    with pytest.raises(InputError, match=r"scores own by accuracy, not by accuracy, mcc \(`metri"):
        check_same_inputs(layout, plan(class_weights=[1, 3], metrics=["accuracy", "mcc"]), encoder)


def test_unlabelled_rows_are_recorded_and_may_not_change(tmp_path: Path, encoder: Path) -> None:
    layout, config = Layout(tmp_path), StudyConfig.model_validate(FIRST)

    def plan(pool: str) -> Plan:
        files = {split: Path(f"{split}.csv") for split in ("train", "dev", "pool")}
        task = Task(name="own", texts=("text",), labels=("bad", "good"), files=files,
                    dev=("dev",), unlabelled=("pool",))  # fmt: skip
        tokens = {"train": Path("train"), "dev": Path("dev"), "train+pool": Path(pool)}
        rows = {"train": 4, "dev": 2, "train+pool": 11}
        return plan_of(config, {"own": Prepared(task, tokens, rows)}, BertConfig(), encoder)

    write_study_file(layout, plan("all"), encoder)
    recorded = yaml.safe_load(layout.study_file.read_text())["tasks"]["own"]
    assert (recorded["train_rows"], recorded["unlabelled_rows"]) == (4, 7)
    check_same_inputs(layout, plan("all"), encoder)
    with pytest.raises(InputError, match="given teacher of own have"):
        check_same_inputs(layout, plan("others"), encoder)


def test_another_encoder_under_the_same_name_is_refused(layout: Layout, encoder: Path) -> None:
    plan = plan_of(StudyConfig.model_validate(FIRST), {}, BertConfig(), encoder)
    check_same_inputs(layout, plan, encoder)
    (encoder / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(InputError, match="study of another encoder"):
        check_same_inputs(layout, plan, encoder)
