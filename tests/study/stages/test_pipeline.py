"""What a study runs again after its tasks or depths have changed."""

from dataclasses import replace

import pytest

from pkd.data.preparation import Prepared
from study.config.study_config import StudyConfig
from study.stages.confirm_stage import confirm_stage
from study.stages.predict_stage import predict_stage
from study.stages.search_stage import search_stage
from study.stages.teachers_stage import teachers_stage
from tests.support.studies.contexts import MakeContext, result_of


def test_a_task_and_a_depth_that_are_added_run_only_their_own_trials(
    rte: Prepared, make_context: MakeContext, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(tasks: dict[str, Prepared], depths: tuple[int, ...]) -> list[str]:
        small = {"train": {"epochs": 1}, "search": {"trials": 2}, "confirm": {"seeds": 1}}
        small |= {"tasks": tuple(tasks), "depths": depths, "teacher": {"trials": 1, "epochs": 1}}
        config = StudyConfig.model_validate({"methods": ("ft", "kd"), **small})
        context = make_context(*tasks.values(), config=config)
        teachers = result_of(teachers_stage(context))
        search = result_of(search_stage(context, {}))
        confirm = result_of(confirm_stage(context, search, {}))
        result_of(predict_stage(context, teachers, confirm))
        trials = sorted(ran)
        ran.clear()
        return trials

    def trials_of(task: str, depth: int) -> list[str]:
        cells = [f"{task}-{depth}-{method}" for method in ("ft", "kd")]
        search = [f"search {cell} trial-000{number}" for cell in cells for number in (0, 1)]
        confirm = [f"confirm {cell} seed-0000" for cell in cells]
        return [*search, *confirm, *(f"predict {cell} job-0000" for cell in cells)]

    def teacher_of(task: str) -> list[str]:
        return [f"teachers {task}-4-teacher trial-0000", f"predict {task}-4-teacher job-0000"]

    # No trial predicts a single class and has to be replaced.
    monkeypatch.setattr("tests.support.studies.fake_stage.chance", lambda *key: 0.5)
    # Another name makes another task of the same rows.
    other = replace(rte, task=rte.task.model_copy(update={"name": "other"}))
    assert run({"rte": rte}, (2,)) == sorted([*teacher_of("rte"), *trials_of("rte", 2)])
    assert run({"rte": rte}, (2, 3)) == sorted(trials_of("rte", 3))
    added = [*teacher_of("other"), *trials_of("other", 2), *trials_of("other", 3)]
    assert run({"rte": rte, "other": other}, (2, 3)) == sorted(added)
    assert run({"rte": rte, "other": other}, (2, 3)) == []
