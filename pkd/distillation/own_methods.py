"""Methods that a user wrote: imported by name, never from a folder of data or models."""

import hashlib
import importlib
import importlib.util
from collections.abc import Iterable
from pathlib import Path

from pkd.distillation.methods import METHODS, Method
from pkd.errors import InputError, shown


def register_method(name: str, method: Method) -> None:
    """Adds a method to `METHODS` for this process; the same one may be added again.

    Raises:
        InputError: if the name belongs to another method.
    """
    if METHODS.setdefault(name, method) != method:
        raise InputError(f"there is a method {name!r} already: choose another name")


def load_method(reference: str, refused: Iterable[Path] = ()) -> tuple[Method, Path]:
    """Imports a method that a user wrote.

    Args:
        reference: ``module:object``; the module is found on Python's path.
        refused: folders of data and models. Code that lies in one of them is never imported.

    Returns:
        The method, and the file that it comes from.

    Raises:
        InputError: if there is no such module or object, if it is not a `Method`, or if the
            module lies in a refused folder.
    """
    module_name, _, attribute = reference.partition(":")
    try:
        spec = importlib.util.find_spec(module_name)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None or not attribute:
        raise InputError(
            f"cannot find the method {reference!r}: it must be `module:object`, where Python can "
            "import the module (an installed package, or a file in a folder of PYTHONPATH)"
        )
    file = Path(spec.origin).resolve()
    for folder in refused:
        if file.is_relative_to(folder.resolve()):
            raise InputError(
                f"the method {reference!r} lies in {folder}, a folder of data or models, whose "
                "code is never run: move the module elsewhere"
            )
    method = getattr(importlib.import_module(module_name), attribute, None)
    if not isinstance(method, Method):
        raise InputError(
            f"{reference!r} is {shown(method)}, but must be a `pkd.Method` (see docs/extend.md)"
        )
    return method, file


def source_digest(file: Path) -> str:
    """Identifies the code of a user's method by the bytes of its file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
