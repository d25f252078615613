"""Rows, labels and encoders that changed under the names that a study recorded."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import BertConfig

from pkd.data.preparation import Prepared
from pkd.errors import InputError
from pkd.tasks.glue import GLUE
from study.config.study_config import StudyConfig
from study.planning.plan import Plan
from study.planning.resume_check import check_same_inputs
from study.planning.study_record import write_study_file
from study.storage.layout import Layout
from tests.support.studies.plans import (
    RTE_STUDY,
    own_task,
    plan_of,
    plan_of_task,
    task_with_unlabelled_rows,
)


@pytest.mark.parametrize(
    ("changed", "refused"),
    # Test and held-out rows may change: the predict stage predicts them again.
    [("train", True), ("validation", True), ("test", False), ("later", False)],
)
def test_other_training_or_dev_rows_under_the_same_names_are_refused(
    tmp_path: Path, encoder: Path, changed: str, refused: bool
) -> None:
    def plan(**tokens: str) -> Plan:
        # A token folder is named by its content.
        names = dict.fromkeys(("train", "validation", "test", "later"), "first") | tokens
        folders = {split: Path(name) for split, name in names.items()}
        rte = GLUE["rte"].model_copy(update={"held_out": ("later",)})
        return plan_of_task(encoder, Prepared(rte, folders, dict.fromkeys(folders, 8)))

    layout = Layout(tmp_path)
    check_same_inputs(layout, plan(), encoder)
    write_study_file(layout, plan(), encoder)
    check_same_inputs(layout, plan(), encoder)
    if not refused:
        return check_same_inputs(layout, plan(**{changed: "second"}), encoder)
    with pytest.raises(
        InputError, match="given teacher or the head that models of rte start from have"
    ):
        check_same_inputs(layout, plan(**{changed: "second"}), encoder)


def test_labels_may_not_get_other_names(tmp_path: Path, encoder: Path) -> None:
    plan, layout = plan_of_task(encoder, own_task()), Layout(tmp_path)
    write_study_file(layout, plan, encoder)
    prepared = plan.tasks["own"]
    task = prepared.task.model_copy(update={"labels": ("poor", "good")})
    renamed = plan_of_task(encoder, replace(prepared, task=task))
    with pytest.raises(InputError, match="own with the labels bad, good, not poor, good"):
        check_same_inputs(layout, renamed, encoder)


def test_class_weights_and_metrics_of_a_user_s_task_may_not_change(
    tmp_path: Path, encoder: Path
) -> None:
    def plan(**keys: Any) -> Plan:
        return plan_of_task(encoder, own_task(**keys))

    layout = Layout(tmp_path)
    write_study_file(layout, plan(class_weights=[1, 3]), encoder)
    check_same_inputs(layout, plan(class_weights=[1, 3]), encoder)
    for other in ({}, {"class_weights": "balanced"}, {"class_weights": [1, 2]}):
        with pytest.raises(InputError, match="head that models of own start from have"):
            check_same_inputs(layout, plan(**other), encoder)
    with pytest.raises(InputError, match=r"scores own by accuracy, not by accuracy, mcc \(`metri"):
        check_same_inputs(layout, plan(class_weights=[1, 3], metrics=["accuracy", "mcc"]), encoder)


def test_a_study_whose_models_kept_a_head_of_other_labels_is_not_continued(
    tmp_path: Path, encoder: Path
) -> None:
    layout = Layout(tmp_path)
    plan = plan_of_task(encoder, own_task())
    write_study_file(layout, plan, encoder)  # as version 0.1.0 recorded it
    now = replace(plan, new_heads=frozenset({"own"}))
    with pytest.raises(InputError, match="head that models of own start from have changed"):
        check_same_inputs(layout, now, encoder)
    layout.study_file.unlink()
    write_study_file(layout, now, encoder)
    check_same_inputs(layout, now, encoder)


def test_unlabelled_rows_may_not_change(tmp_path: Path, encoder: Path) -> None:
    layout = Layout(tmp_path)
    plan = plan_of_task(encoder, task_with_unlabelled_rows("all"))
    write_study_file(layout, plan, encoder)
    check_same_inputs(layout, plan, encoder)
    with pytest.raises(InputError, match="head that models of own start from have"):
        check_same_inputs(
            layout, plan_of_task(encoder, task_with_unlabelled_rows("others")), encoder
        )


def test_another_encoder_under_the_same_name_is_refused(begun: Layout, encoder: Path) -> None:
    plan = plan_of(StudyConfig.model_validate(RTE_STUDY), {}, BertConfig(), encoder)
    check_same_inputs(begun, plan, encoder)
    (encoder / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(InputError, match="study of another encoder"):
        check_same_inputs(begun, plan, encoder)
