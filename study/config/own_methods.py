"""``own_methods`` of a configuration: methods that the user wrote, by ``module:object``."""

from pathlib import Path
from typing import Any

from pkd.distillation.own_methods import load_method, register_method


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
