"""A small task, and stages without Ray."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transformers import BertConfig

from pkd.data.preparation import Prepared, prepare_task
from pkd.tasks.glue import GLUE
from study.config.study_config import StudyConfig
from study.stages.context import StudyContext
from study.storage.layout import Layout
from study.tuning.stage_queue import Stage
from tests.support.studies.contexts import CONFIG, MakeContext, context_of, run_all
from tests.support.studies.plans import plan_of

ENCODER = BertConfig(num_hidden_layers=4, hidden_size=32, num_attention_heads=2)


@pytest.fixture(scope="session")
def rte(tiny_data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare_task(GLUE["rte"], tiny_model, tmp_path_factory.mktemp("tokens"), tiny_data)


@pytest.fixture
def make_context(tmp_path: Path) -> MakeContext:
    """Makes the context of a study of tasks; all of a test share one run folder."""

    def make(*tasks: Prepared, config: StudyConfig = CONFIG) -> StudyContext:
        plan = plan_of(config, {prepared.task.name: prepared for prepared in tasks}, ENCODER)
        return context_of(plan, Layout(tmp_path / "out"))

    return make


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Runs stages without Ray; collects the trials that were run: stage, cell and name."""
    trials: list[str] = []

    def run(stage: Stage, *_: Any) -> Iterator[Stage]:
        dispatcher = stage.dispatcher
        trials.extend(f"{dispatcher.stage} {trial}" for trial in run_all(dispatcher))
        yield from ()

    monkeypatch.setattr("study.stages.run_stage.run_until_done", run)
    return trials
