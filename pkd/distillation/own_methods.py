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
    known = METHODS.get(name, method)
    if known != method and not known.is_recorded:
        raise InputError(f"there is a method {name!r} already: choose another name")
    METHODS[name] = method


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
    file = _find(module_name, reference, [folder.resolve() for folder in refused])
    if file is None or not attribute:
        raise InputError(
            f"cannot find the method {reference!r}: it must be `module:object`, where Python can "
            "import the module (an installed package, or a file in a folder of PYTHONPATH)"
        )
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever the user's code raises
        raise InputError(
            f"the module of the method {reference!r} ({file}) cannot be imported: "
            f"{type(error).__name__}: {error}"
        ) from error
    method = getattr(module, attribute, None)
    if not isinstance(method, Method):
        raise InputError(
            f"{reference!r} is {shown(method)}, but must be a `pkd.Method` (see docs/extend.md)"
        )
    return method, file


def _find(module_name: str, reference: str, refused: list[Path]) -> Path | None:
    """Returns the file of a module; None if there is none. Imports no refused parent package."""
    parts = module_name.split(".")
    file = None
    for end in range(1, len(parts) + 1):
        try:
            spec = importlib.util.find_spec(".".join(parts[:end]))
        except (ImportError, ValueError):
            return None
        if spec is None:
            return None
        places = [spec.origin] if spec.has_location else []
        for place in (*places, *(spec.submodule_search_locations or ())):
            for folder in refused:
                if place and Path(place).resolve().is_relative_to(folder):
                    raise InputError(
                        f"the method {reference!r} lies in {folder}, a folder of data or models, "
                        "whose code is never run: move the module elsewhere"
                    )
        file = Path(spec.origin).resolve() if spec.has_location and spec.origin else None
    return file


def source_digest(file: Path) -> str:
    """Identifies the code of a user's method by the bytes of its file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
