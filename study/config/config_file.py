"""Reads a configuration file and the command line's changes; reports all errors at once."""

import os
from pathlib import Path
from typing import Any

from pkd.errors import InputError, did_you_mean, shown
from pkd.files.yaml_file import parse_yaml, read_mapping
from pkd.runtime.redaction import redacted
from study.config.own_methods import register_own_methods
from study.config.problems import Origins, validated
from study.config.study_config import StudyConfig
from study.installation import shipped_configs

_OPTIONS = {"tasks": "--tasks", "data.dir": "--data", "teacher.model": "--model"}
_OF_TASK_FILES = {"texts", "labels", "label", "files"}


def load_study_config(path: str | Path | None, overrides: list[str], **values: Any) -> StudyConfig:
    """Reads a configuration file and applies the command line's changes.

    Args:
        path: YAML file, or the name of a shipped configuration; None starts from the defaults.
        overrides: ``key.sub=value`` with values in YAML, e.g. ``search.trials=8``.
        **values: keys (with ``__`` for the dot) that options set; None leaves a key unchanged.

    Raises:
        InputError: one message with every problem, and the file or option that it comes from;
            unknown keys with the nearest valid one.
    """
    file = find_config(path) if path is not None else None
    tree = read_mapping(file, "configuration") if file is not None else {}
    if _OF_TASK_FILES & tree.keys():
        raise InputError(
            f"{file} is a task file, not a configuration: give it with --tasks {file}"
        )
    origins = Origins(str(file) if file is not None else "the configuration", tree)
    for override in overrides:
        option = f"--set {_shown_option(override)}"
        key, equals, text = override.partition("=")
        key = key.strip()
        if not equals or not key:
            raise InputError(f"{option} must have the form key=value")
        try:
            _assign(tree, key, parse_yaml(text))
        except InputError as error:
            raise InputError(f"{option}: {error}") from None
        origins.add(key, option)
    for name, value in values.items():
        if value is not None:
            key = name.replace("__", ".")
            _assign(tree, key, value)
            origins.add(key, _OPTIONS.get(key, f"`{key}`"))
    register_own_methods(tree)
    return validated(tree, origins)


def find_config(path: str | Path) -> Path:
    """Returns a configuration file: the given one, or a shipped one by its name.

    Args:
        path: a file, or ``laptop``, ``laptop.yaml``, ``configs/laptop.yaml``, from any folder.

    Raises:
        InputError: if there is no such file; names the nearest one.
    """
    path, shipped = Path(path), shipped_configs()
    by_name = {text: file for name, file in shipped.items() for text in _spellings(name)}
    if not os.path.isfile(path) and str(path) in by_name:
        return by_name[str(path)]
    if os.path.lexists(path):
        return path
    beside = [each.name for each in path.parent.glob("*.y*ml")]
    near = did_you_mean(path.name, [*by_name, *beside])
    raise InputError(
        f"cannot read the configuration {path}: there is no such file"
        f"{near or ';'} the shipped configurations are "
        f"{', '.join(shipped)}"
    )


def _spellings(name: str) -> tuple[str, str, str]:
    return name, f"{name}.yaml", f"configs/{name}.yaml"


def _shown_option(override: str) -> str:
    """Returns a short, printable form without passwords."""
    text = redacted(override)
    return text if text.isprintable() and 0 < len(text) <= 100 else shown(text)


def _assign(tree: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        child = tree.setdefault(parent, {})
        if not isinstance(child, dict):
            raise InputError(
                f"cannot set `{key}`: `{parent}` is {shown(child)}, not a group of keys"
            )
        tree = child
    tree[last] = value
