"""Running the stages of a study on Ray Tune, which is replaced by a script."""

from pathlib import Path

import pytest

from pkd.errors import InputError
from study.config.sections import Resources
from study.storage.layout import Layout
from study.tuning.stage_queue import StageQueue
from study.tuning.tuner import run_stages
from tests.support.studies.scripted_stage import ScriptedStage, finish, run_out_of_memory


@pytest.fixture
def scripted(tmp_path: Path) -> ScriptedStage:
    return ScriptedStage(tmp_path)


def test_the_resources_of_a_trial_are_computed_once_though_a_cluster_loses_its_nodes(
    scripted: ScriptedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes, scripts = iter([{"cpu": 2.0}]), iter([run_out_of_memory, finish])
    monkeypatch.setattr("study.tuning.tuner.trial_resources", lambda resources: next(nodes))

    def run_tune(queue: StageQueue, share: dict[str, float], layout: Layout) -> None:
        assert share == {"cpu": 2.0}
        next(scripts)(queue.dispatcher)
        assert queue.next() is None

    monkeypatch.setattr("study.tuning.tuner._run_tune", run_tune)
    run_stages(scripted.stages(), Resources(), scripted.layout)
    assert scripted.dispatcher.done


def test_a_trial_that_no_node_can_run_ends_the_study(
    scripted: ScriptedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(resources: Resources) -> None:
        raise InputError("a trial needs 64 CPUs")

    monkeypatch.setattr("study.tuning.tuner.trial_resources", refuse)
    with pytest.raises(InputError, match="64 CPUs"):
        run_stages(scripted.stages(), Resources(), scripted.layout)
    assert not scripted.dispatcher.running
