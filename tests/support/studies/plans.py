"""Plans of studies whose teachers are trained from the encoder that students start from."""

from pathlib import Path
from typing import Any

from transformers import BertConfig, PretrainedConfig

from pkd.data.preparation import Prepared
from pkd.tasks.task import Task
from study.config.study_config import StudyConfig
from study.planning.plan import Plan, make_plan
from study.planning.study_record import write_study_file
from study.planning.teacher_models import Teachers
from study.storage.layout import Layout

RTE_STUDY = {"tasks": ["rte"], "search": {"trials": 4}, "confirm": {"seeds": 2}, "depths": [6]}


def plan_of(
    config: StudyConfig,
    tasks: dict[str, Prepared],
    encoder: PretrainedConfig,
    start: Path = Path("encoder"),
) -> Plan:
    return make_plan(config, tasks, encoder, Teachers(encoder, start, tasks, {}))


def begin_study(layout: Layout, config: dict[str, Any], encoder: Path) -> StudyConfig:
    """Writes the ``study.yaml`` of a new study whose tasks are not prepared."""
    whole = StudyConfig.model_validate(config)
    write_study_file(layout, plan_of(whole, {}, BertConfig(), encoder), encoder)
    return whole


def plan_of_task(encoder: Path, prepared: Prepared) -> Plan:
    """The plan of `RTE_STUDY` with another task in place of RTE."""
    config = StudyConfig.model_validate(RTE_STUDY)
    return plan_of(config, {prepared.task.name: prepared}, BertConfig(), encoder)


def own_task(**keys: Any) -> Prepared:
    """A user's task that cuts its dev rows from the training rows and has held-out rows."""
    files = {"train": Path("train.csv"), "later": Path("later.csv")}
    task = Task(
        name="own",
        texts=("text",),
        labels=("bad", "good"),
        files=files,
        held_out=("later",),
        dev_fraction=0.2,
        **keys,
    )
    splits = ("train", "validation", "later")
    return Prepared(task, {split: Path(split) for split in splits}, dict.fromkeys(splits, 4))


def task_with_unlabelled_rows(unlabelled: str) -> Prepared:
    """A user's task of 4 training rows and 7 unlabelled ones, whose tokens have this name."""
    files = {split: Path(f"{split}.csv") for split in ("train", "dev", "pool")}
    task = Task(
        name="own",
        texts=("text",),
        labels=("bad", "good"),
        files=files,
        dev=("dev",),
        unlabelled=("pool",),
    )
    tokens = {"train": Path("train"), "dev": Path("dev"), "train+pool": Path(unlabelled)}
    return Prepared(task, tokens, {"train": 4, "dev": 2, "train+pool": 11})
