"""Finds tasks by name, and reads tasks of users from task files and folders."""

import difflib
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from pkd.errors import InputError, named, near_file
from pkd.files.row_parsers import SUFFIXES
from pkd.files.yaml_file import read_mapping
from pkd.runtime.validation import describe_errors
from pkd.tasks.folder_files import unlinked_folder
from pkd.tasks.glue import GLUE, expand_groups
from pkd.tasks.task import TASK_KEYS, Task
from pkd.tasks.task_folder import task_of_folder


def resolve_tasks(names: Sequence[str]) -> list[Task]:
    """Returns the tasks for task names, ``glue``, task files and folders, each once, in order.

    Raises:
        InputError: for an unknown name (with the nearest one), or for a wrong task file or
            folder.
    """
    tasks: dict[str, Task] = {}
    for name in expand_groups(names):
        if name in GLUE:
            if tasks.setdefault(name, GLUE[name]) != GLUE[name]:
                raise InputError(f"two tasks are named {name!r}; rename the one in your task file")
        elif name.endswith((".yaml", ".yml")) or (name and os.path.isdir(name)):
            task = _load_own_task(name)
            if tasks.setdefault(task.name, task) != task:
                raise InputError(f"two tasks are named {task.name!r}; rename the one in {name}")
        else:
            near = difflib.get_close_matches(name.lower(), [*GLUE, "glue"], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else near_file(Path(name)) or "."
            if Path(name).suffix.lower() in SUFFIXES:
                hint = f": a data file needs a task file, which --init-task {name} writes."
            raise InputError(
                f"unknown task {name!r}{hint} Known: glue, {', '.join(GLUE)}, "
                "or the path of a task file (*.yaml) or of a folder with train.csv"
            )
    return list(tasks.values())


def load_task(name: str) -> Task:
    """Returns one task: a GLUE task by name, or yours from a task file or a folder.

    Raises:
        InputError: if there is no such task, or the task file or folder is wrong.
    """
    tasks = resolve_tasks([name])
    if len(tasks) != 1:
        raise InputError(f"{name!r} names {len(tasks)} tasks, but must name one")
    return tasks[0]


def _load_own_task(path: str) -> Task:
    if path.endswith((".yaml", ".yml")):
        return load_task_file(Path(path))
    try:
        return Task.model_validate(task_of_folder(Path(path)))
    except ValidationError as error:
        raise InputError(f"{path}: " + "; ".join(describe_errors(error))) from None


def load_task_file(path: Path) -> Task:
    """Reads a task file: the attributes of `Task` in YAML; data files are relative to it.

    Raises:
        InputError: if the file cannot be read or a key is wrong.
    """
    try:
        content = read_mapping(path, "task file", words=True)
    except InputError as error:
        raise InputError(f"{error}{near_file(path)}") from None
    unknown = set(map(str, content)) - set(TASK_KEYS)
    if unknown:
        key = sorted(unknown)[0]
        near = difflib.get_close_matches(key, TASK_KEYS, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else "."
        raise InputError(
            f"task file {path} has the unknown key `{named(key)}`{hint} "
            f"Valid keys: {', '.join(TASK_KEYS)}"
        )
    try:
        task = Task(**content)
    except ValidationError as error:
        raise InputError(f"task file {path}: " + "; ".join(describe_errors(error))) from None
    if not task.own:
        raise InputError(
            f"task file {path} lacks `files`, a path for each split (or `hub`, a data set's id)"
        )
    try:
        files = {split: unlinked_folder(path.parent / file) for split, file in task.files.items()}
    except (OSError, RuntimeError, ValueError) as error:  # too long, a loop of links, a NUL
        raise InputError(f"task file {path}, `files`: {error}") from None
    return task.model_copy(update={"files": files})
