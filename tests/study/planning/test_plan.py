"""A study is planned, and checked against its encoder, before anything runs."""

from pathlib import Path
from typing import Any

import pytest
from transformers import BertConfig

from pkd.data.preparation import Prepared, prepare_task
from pkd.errors import InputError
from pkd.tasks.glue import GLUE
from study.config.study_config import StudyConfig
from study.planning.plan import Plan, check_depths
from tests.support.studies.plans import plan_of

BERT_BASE = BertConfig()


def planned(encoder: BertConfig = BERT_BASE, **config: Any) -> Plan:
    return plan_of(StudyConfig.model_validate(config), {}, encoder)


@pytest.fixture(scope="module")
def rte(tiny_data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    cache = tmp_path_factory.mktemp("tokens")
    return prepare_task(GLUE["rte"], tiny_model, cache, tiny_data)


def test_the_needed_teacher_layers_are_those_of_all_layer_maps() -> None:
    # 12 to 6: skip (2, 4, 6, 8, 10), last (7 … 11); 12 to 3: skip (4, 8), last (10, 11).
    assert planned(depths=[6, 3]).layers_needed() == (2, 4, 6, 7, 8, 9, 10, 11)
    assert planned(depths=[6], methods=["pkd-skip"]).layers_needed() == (2, 4, 6, 8, 10)
    assert planned(depths=[3], methods=["kd", "pkd-last"]).layers_needed() == (10, 11)
    # Vanilla KD needs logits only.
    assert planned(methods=["ft", "kd"]).layers_needed() == ()


@pytest.mark.parametrize("depth", [12, 13])
def test_a_student_as_deep_as_its_teacher_is_refused(depth: int) -> None:
    with pytest.raises(InputError, match=f"student depth is {depth}, .* teacher has 12 layers"):
        check_depths(StudyConfig(depths=(3, depth)), BERT_BASE, BERT_BASE)


def test_a_student_of_one_layer_cannot_learn_by_pkd() -> None:
    with pytest.raises(InputError, match="must be >= 2"):
        check_depths(StudyConfig(depths=(1,)), BERT_BASE, BERT_BASE)
    check_depths(StudyConfig(depths=(1,), methods=("ft", "kd")), BERT_BASE, BERT_BASE)
    assert planned(depths=[1], methods=["ft", "kd"]).layers_needed() == ()


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ({"start_layers": {3: [1, 4]}}, "a student of 3 layers starts from 3"),
        ({"start_layers": {3: [1, 4, 7]}}, "layers of the model, 1..6"),
        ({"start_layers": {3: [4, 1, 6]}}, "must increase"),
        # The teacher has twelve layers.
        ({"start_layers": {3: [1, 4, 13]}, "init": "teacher"}, "layers of the model, 1..12"),
    ],
)
def test_start_layers_that_do_not_fit_are_refused(train: dict[str, Any], message: str) -> None:
    config = StudyConfig.model_validate({"depths": [3], "train": train})
    with pytest.raises(InputError, match=message):
        check_depths(config, BertConfig(num_hidden_layers=6), BERT_BASE)


def test_start_layers_that_fit_are_accepted() -> None:
    lists = {3: [1, 4, 7], 6: [1, 2, 3, 4, 5, 12], 4: [1]}  # no student has depth 4
    for start in ("first", "spaced", lists):
        train = {"start_layers": start, "init": "teacher"}
        config = StudyConfig.model_validate({"train": train})
        check_depths(config, BertConfig(num_hidden_layers=6), BERT_BASE)


def test_every_method_has_the_same_number_of_search_trials() -> None:
    plan = planned(search={"trials": 7})
    assert {plan.trials(method) for method in plan.config.methods} == {7}


def test_a_grid_has_as_many_trials_as_points() -> None:
    full = planned(search={"algorithm": "grid"})
    assert [full.trials(m) for m in full.config.methods] == [3, 27, 216, 216]
    inherited = planned(search={"algorithm": "grid", "inherit_from_kd": True})
    assert [inherited.trials(m) for m in inherited.config.methods] == [3, 27, 24, 24]


def test_cells_are_all_tasks_times_depths_times_methods(rte: Prepared) -> None:
    config = StudyConfig(tasks=("rte",), depths=(6, 3), methods=("ft", "pkd-skip"))
    assert plan_of(config, {"rte": rte}, BERT_BASE).cells == [
        ("rte", 6, "ft"),
        ("rte", 6, "pkd-skip"),
        ("rte", 3, "ft"),
        ("rte", 3, "pkd-skip"),
    ]


def test_work_grows_with_trials_and_seeds(rte: Prepared) -> None:
    def work(**config: Any) -> dict[str, float]:
        plan = plan_of(StudyConfig.model_validate(config), {"rte": rte}, BERT_BASE)
        return plan.stage_work()

    once = work(search={"trials": 2}, confirm={"seeds": 1})
    twice = work(search={"trials": 4}, confirm={"seeds": 3})
    assert twice["search"] == pytest.approx(2 * once["search"])
    assert twice["confirm"] == pytest.approx(3 * once["confirm"])
    assert twice["teachers"] == once["teachers"] > 0
    assert list(once) == ["teachers", "signals", "search", "confirm", "predict"]
