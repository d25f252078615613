"""The plan of a study that trains its teachers from the encoder that students start from."""

from pathlib import Path

from transformers import PretrainedConfig

from pkd.data.preparation import Prepared
from study.config.study_config import StudyConfig
from study.planning.plan import Plan, make_plan
from study.planning.teacher_models import Teachers


def plan_of(
    config: StudyConfig,
    tasks: dict[str, Prepared],
    encoder: PretrainedConfig,
    start: Path = Path("encoder"),
) -> Plan:
    return make_plan(config, tasks, encoder, Teachers(encoder, start, tasks, {}))
