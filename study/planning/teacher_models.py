"""The teachers of a study: fine-tuned by its first stage, or given by the user."""

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
class EnsembleTeacher:
    """A given teacher of a task's ensemble, other than the first.

    Attributes:
        folder: its model folder.
        prepared: the task in its tokens.
    """

    folder: Path
    prepared: Prepared


@dataclass(frozen=True)
class Teachers:
    """The teachers of a study.

    Attributes:
        config: configuration of the first teacher of each task; all have the same size.
        start: folder of the pre-trained encoder that teachers are fine-tuned from.
        tasks: the study's tasks in the teachers' tokens, by name.
        given: folders of given teachers (the first of each task), by task; of all tasks or none.
        other_members: the other given teachers of each task's ensemble, by task.
    """

    config: PretrainedConfig
    start: Path
    tasks: dict[str, Prepared]
    given: dict[str, Path]
    other_members: dict[str, tuple[EnsembleTeacher, ...]] = field(default_factory=dict)


def adopt_given(
    config: StudyConfig, layout: Layout, tasks: Sequence[Task]
) -> dict[str, tuple[Path, ...]]:
    """Copies the teachers of ``teacher.fine_tuned`` into the study.

    See `pkd.models.external_teacher.adopt_teacher`.

    Args:
        config: of the study.
        layout: where the copies go.
        tasks: of the study.

    Returns:
        The teachers' folders by task, the first teacher first; empty if the study trains its
        teachers.

    Raises:
        InputError: if a task has no teacher, if a teacher is not a fine-tuned classifier of its
            task or is named twice, or if the tasks' first teachers differ in size.
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
        first = load_encoder_config(ensemble[0])
        sizes[name] = (first.num_hidden_layers, first.hidden_size)
    if len(set(sizes.values())) > 1:
        shown = [f"{name} {layers} × {width}" for name, (layers, width) in sizes.items()]
        raise InputError(
            "the teachers of `teacher.fine_tuned` differ in layers × width "
            f"({listed(shown)}), but a table compares students of teachers of one size: run these "
            "tasks as separate studies"
        )
    return folders


def _check_names(config: StudyConfig, tasks: Sequence[str]) -> None:
    given = config.teacher.fine_tuned
    for name in given:
        if name not in tasks:
            raise InputError(
                f"`teacher.fine_tuned` names {name!r}, which is not a task of this study: "
                + ", ".join(tasks)
            )
    for name in tasks:
        if given and name not in given:
            raise InputError(
                f"`teacher.fine_tuned` names no teacher of {name}: give one for every task, or "
                "run the tasks whose teachers are to be trained as a separate study"
            )
