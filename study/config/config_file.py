"""Reads a configuration file and the command line's changes; reports all errors at once."""

import difflib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from pkd.errors import InputError, shown
from pkd.files.yaml_file import parse_yaml, read_mapping
from pkd.runtime.validation import describe_errors
from study.config.own_methods import register_own_methods
from study.config.search_space import Section
from study.config.study_config import StudyConfig

_MOST_SHOWN = 30


def load_study_config(path: Path | None, overrides: list[str], **values: Any) -> StudyConfig:
    """Reads a configuration file and applies the command line's changes.

    Args:
        path: YAML file; None starts from the defaults.
        overrides: ``key.sub=value`` with values in YAML, e.g. ``search.trials=8``.
        **values: keys (with ``__`` for the dot) that options set; None leaves a key unchanged.

    Raises:
        InputError: one message with every problem; unknown keys with the nearest valid one.
    """
    tree = read_mapping(path, "configuration") if path is not None else {}
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key:
            raise InputError(f"--set {shown(override)} must have the form key=value")
        try:
            _assign(tree, key.strip(), parse_yaml(text))
        except InputError as error:
            raise InputError(f"--set {shown(override)}: {error}") from None
    for key, value in values.items():
        if value is not None:
            _assign(tree, key.replace("__", "."), value)
    register_own_methods(tree)
    where = str(path) if path is not None else "the configuration"
    problems = _unknown_keys(tree, StudyConfig, "")
    try:
        config = StudyConfig.model_validate(tree)
    except ValidationError as error:
        known = [e for e in describe_errors(error) if "Extra inputs are not permitted" not in e]
        problems += list(dict.fromkeys(known))
    if problems:
        lines = problems[:_MOST_SHOWN] + ["…"] * (len(problems) > _MOST_SHOWN)
        raise InputError(f"{where} has {len(problems)} problem(s):\n  " + "\n  ".join(lines))
    return config


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


def _unknown_keys(tree: Any, section: type[BaseModel], prefix: str) -> list[str]:
    if not isinstance(tree, dict):
        return []
    problems = []
    for key, value in tree.items():
        if key not in section.model_fields:
            near = difflib.get_close_matches(str(key), list(section.model_fields), n=1, cutoff=0.5)
            hint = f"; did you mean `{prefix}{near[0]}`?" if near else ""
            valid = ", ".join(section.model_fields)
            problems.append(f"unknown key `{prefix}{key}`{hint} (valid here: {valid})")
            continue
        annotation = section.model_fields[key].annotation
        for kind in getattr(annotation, "__args__", (annotation,)):
            kind = getattr(kind, "__origin__", kind)  # of Annotated
            if isinstance(kind, type) and issubclass(kind, Section):
                problems += _unknown_keys(value, kind, f"{prefix}{key}.")
    return problems
