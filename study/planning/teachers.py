"""The teachers of a study: fine-tuned by its first stage, or given, fine-tuned before it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from transformers import PretrainedConfig

from pkd.errors import InputError, listed
from pkd.models import fetch_model
from pkd.models import load_config as load_model_config
from pkd.prepare import Prepared
from pkd.tasks import Task
from pkd.teachers import adopt_teacher
from study.board import Board
from study.config import StudyConfig
from study.layout import Layout


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
    """Copies the teachers that the configuration gives, see `pkd.teachers.adopt_teacher`.

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
        facts = load_model_config(ensemble[0])
        sizes[name] = (facts.num_hidden_layers, facts.hidden_size)
    if len(set(sizes.values())) > 1:
        told = [f"{name} {layers} × {width}" for name, (layers, width) in sizes.items()]
        raise InputError(
            "the teachers of `teacher.fine_tuned` differ in layers × width "
            f"({listed(told)}): a table compares students of teachers of one size; run them as "
            "studies of their own"
        )
    return folders


def scores_of_further(config: StudyConfig, board: Board) -> list[str]:
    """A line for each given teacher that is not the first of its task: its dev score.

    Args:
        config: of the study.
        board: the first stage at its end.
    """
    lines = []
    for search in board.searches.values():
        others = config.teacher.given(search.cell.task)[1:]
        for trial in search.trials.values():
            # A study of an older version did not score them.
            for model, told in zip(others, trial.reports[-1].get("further", ()), strict=False):
                score = f"{100 * told['score']:.1f}"
                lines.append(f"teachers {search.cell.name}: {model} scores {score} on dev")
    return lines


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
