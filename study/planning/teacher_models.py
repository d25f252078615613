"""The teachers of a study: fine-tuned by its first stage, or given, fine-tuned before it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from transformers import PretrainedConfig

from pkd.data.preparation import Prepared
from pkd.errors import InputError, listed
from pkd.models.encoder import load_encoder_config
from pkd.models.external_teacher import adopt_teacher
from pkd.models.hub import fetch_model
from pkd.tasks.task import Task
from study.config.study_config import StudyConfig
from study.storage.layout import Layout


@dataclass(frozen=True)
class Further:
    """A given teacher beside a task's first.

    Attributes:
        folder: where it is.
        prepared: the task in its tokens.
    """

    folder: Path
    prepared: Prepared


@dataclass(frozen=True)
class Teachers:
    """What the teachers are.

    Attributes:
        config: their configuration; all are of one size.
        start: folder of the pre-trained encoder that they are fine-tuned from.
        tasks: the study's tasks in their tokens, by name.
        given: folders of those that are fine-tuned already, by task; none or all of them.
        further: by task the others of an ensemble of given teachers.
    """

    config: PretrainedConfig
    start: Path
    tasks: dict[str, Prepared]
    given: dict[str, Path]
    further: dict[str, tuple[Further, ...]] = field(default_factory=dict)


def adopt_given(
    config: StudyConfig, layout: Layout, tasks: Sequence[Task]
) -> dict[str, tuple[Path, ...]]:
    """Copies the teachers that the configuration gives: `pkd.models.external_teacher`.

    Args:
        config: of the study.
        layout: where the copies go.
        tasks: the study's tasks.

    Returns:
        The folders by task; none where the study trains its teachers.

    Raises:
        InputError: if a task lacks its teacher, if one is no fine-tuned classifier of its task or
            is named twice, or if the tasks' first ones differ in size.
    """
    _check_names(config, [task.name for task in tasks])
    folders = {
        task.name: tuple(
            adopt_teacher(fetch_model(model), task.labels, layout.given)
            for model in config.teacher.given(task.name)
        )
        for task in tasks
        if config.teacher.fine_tuned
    }
    sizes = {}
    for name, ensemble in folders.items():
        if len(set(ensemble)) < len(ensemble):
            raise InputError(
                f"`teacher.fine_tuned` names the same teacher of {name} twice: "
                + ", ".join(config.teacher.given(name))
            )
        facts = load_encoder_config(ensemble[0])
        sizes[name] = (facts.num_hidden_layers, facts.hidden_size)
    if len(set(sizes.values())) > 1:
        told = [f"{name} {layers} × {width}" for name, (layers, width) in sizes.items()]
        raise InputError(
            "the teachers of `teacher.fine_tuned` differ in layers × width "
            f"({listed(told)}): a table compares students of teachers of one size; run them as "
            "studies of their own"
        )
    return folders


def _check_names(config: StudyConfig, tasks: Sequence[str]) -> None:
    given = config.teacher.fine_tuned
    for name in given:
        if name not in tasks:
            raise InputError(
                f"`teacher.fine_tuned` names {name!r}, which is no task of this study: "
                + ", ".join(tasks)
            )
    for name in tasks:
        if given and name not in given:
            raise InputError(
                f"`teacher.fine_tuned` names no teacher of {name}: give one for every task, or "
                "run the tasks whose teachers are to be trained as a study of their own"
            )
