"""How the project is installed: as a checkout of its repository, or as a package alone."""

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

_STUDY = Path(__file__).resolve().parent


def checkout() -> Path | None:
    """Returns the root of the repository that the code runs from; None for an installed package.

    An editable installation runs from the repository.
    """
    root = _STUDY.parent
    try:
        project = (root / "pyproject.toml").read_text(encoding="utf-8")
    except OSError:
        return None
    return root if 'name = "pkd-study"' in project.splitlines() else None


def package_folder(name: str) -> Path:
    """Returns the folder of ``pkd``, ``study`` or ``analysis``.

    On a node of a cluster Ray may put each of them into another folder.
    """
    spec = find_spec(name)
    assert spec is not None and spec.origin is not None, name
    return Path(spec.origin).resolve().parent


def config_folder() -> Path:
    """Returns the folder of the shipped configurations, in which no code lies.

    It is ``configs`` in a checkout. A wheel has a copy in ``study``.
    """
    root = checkout()
    return _STUDY / "shipped_configs" if root is None else root / "configs"


def shipped_configs() -> dict[str, Path]:
    """Returns the files of the shipped configurations by name, e.g. ``glue``."""
    return {path.stem: path for path in sorted(config_folder().glob("*.yaml"))}


def typed_command() -> list[str]:
    """Returns the words of the command that started this process, as a user would type them."""
    program, *options = sys.argv
    if Path(program).name == "pkd-study":
        return ["pkd-study", *options]
    if Path(program).resolve() == _STUDY / "run.py" and Path(program).is_absolute():
        # `python -m study.run`, or the driver on a cluster's head, whose folder is temporary.
        return ["python", "study/run.py", *options]
    return ["python", *sys.argv]


def how_to_continue() -> str:
    """Returns the sentence that tells how to go on with the study of this process."""
    return f"To continue: {shlex.join(typed_command())}"
