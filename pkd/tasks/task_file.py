"""Tasks by their names, and a user's from a task file or a folder."""

import difflib
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from pkd.errors import InputError
from pkd.files.yaml_file import read_mapping
from pkd.runtime.validation import describe_errors
from pkd.tasks.glue import GLUE, expand_groups
from pkd.tasks.task import Task
from pkd.tasks.task_folder import task_of_folder


def resolve_tasks(names: Sequence[str]) -> list[Task]:
    """Turns task names, ``glue``, task files and folders into tasks, each once, in order.

    Raises:
        InputError: for an unknown name (with the nearest one), or a task file or folder that is
            wrong.
    """
    tasks: dict[str, Task] = {}
    for name in expand_groups(names):
        if name in GLUE:
            if tasks.setdefault(name, GLUE[name]) != GLUE[name]:
                raise InputError(f"two tasks are named {name!r}; rename that of your task file")
        elif name.endswith((".yaml", ".yml")) or (name and os.path.isdir(name)):
            task = load_task(name)
            if tasks.setdefault(task.name, task) != task:
                raise InputError(f"two tasks are named {task.name!r}; rename that of {name}")
        else:
            near = difflib.get_close_matches(name.lower(), [*GLUE, "glue"], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InputError(
                f"unknown task {name!r}{hint} Known: glue, {', '.join(GLUE)}, "
                "or the path of a task file (*.yaml) or of a folder with train.csv"
            )
    return list(tasks.values())


def load_task(path: str) -> Task:
    """Reads a user's task from a task file or from a folder of data files."""
    if path.endswith((".yaml", ".yml")):
        return load_task_file(Path(path))
    return Task.model_validate(task_of_folder(Path(path)))


def load_task_file(path: Path) -> Task:
    """Reads a user's task: the attributes of `Task` in YAML, file paths relative to it.

    Raises:
        InputError: if the file cannot be read or a key is wrong.
    """
    content = read_mapping(path, "task file")
    unknown = set(map(str, content)) - set(Task.model_fields)
    if unknown:
        key = sorted(unknown)[0]
        near = difflib.get_close_matches(key, list(Task.model_fields), n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise InputError(
            f"task file {path} has the unknown key `{key}`{hint} "
            f"Valid keys: {', '.join(Task.model_fields)}"
        )
    try:
        task = Task(**content)
    except ValidationError as error:
        raise InputError(f"task file {path}: " + "; ".join(describe_errors(error))) from None
    if not task.own:
        raise InputError(
            f"task file {path} lacks `files`: a path for each split (or `hub`: a data set's id)"
        )
    try:
        files = {split: (path.parent / file).resolve() for split, file in task.files.items()}
    except (OSError, RuntimeError, ValueError) as error:  # too long, a loop of links, a NUL
        raise InputError(f"task file {path}, `files`: {error}") from None
    return task.model_copy(update={"files": files})
