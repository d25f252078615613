"""``own_methods`` of a configuration: methods that the user wrote, by ``module:object``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pkd.distillation.own_methods import load_method, register_method, source_digest


def register_own_methods(tree: dict[str, Any]) -> None:
    """Imports the methods that a configuration names, so that its ``methods`` may hold them.

    Args:
        tree: the configuration as read. A value of the wrong type is left to its validation.

    Raises:
        InputError: if a method cannot be imported, lies in a folder of data or models, or has the
            name of another method.
    """
    named = tree.get("own_methods")
    if not isinstance(named, dict):
        return
    refused = _data_and_models(tree)
    for name, reference in named.items():
        if isinstance(name, str) and isinstance(reference, str):
            register_method(name, load_method(reference, refused)[0])


def own_method_modules(named: Mapping[str, str]) -> list[str]:
    """Returns the names of the modules that the user's own methods come from."""
    return sorted({reference.partition(":")[0] for reference in named.values()})


def own_method_records(named: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What ``study.yaml`` holds of the user's own methods.

    Args:
        named: ``own_methods`` of a configuration whose methods are registered.

    Returns:
        By name: `pkd.distillation.methods.Method.to_record` and ``source``, the digest of the
        module's file.
    """
    records = {}
    for name, reference in named.items():
        method, file = load_method(reference)
        records[name] = method.to_record() | {"source": source_digest(file)}
    return records


def _data_and_models(tree: dict[str, Any]) -> list[Path]:
    from huggingface_hub import constants

    def under(group: str, key: str) -> Any:
        section = tree.get(group)
        return section.get(key) if isinstance(section, dict) else None

    tasks = tree.get("tasks")
    fine_tuned = under("teacher", "fine_tuned")
    given = [under("data", "dir"), under("teacher", "model"), under("train", "model")]
    given += tasks if isinstance(tasks, (list, tuple)) else [tasks]
    for teachers in fine_tuned.values() if isinstance(fine_tuned, dict) else ():
        given += teachers if isinstance(teachers, (list, tuple)) else [teachers]
    paths = [Path(each).expanduser() for each in given if isinstance(each, str)]
    return [Path(constants.HF_HUB_CACHE), *(path for path in paths if path.is_dir())]
