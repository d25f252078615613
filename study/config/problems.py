"""Tells what is wrong with a configuration, and which file or option says it."""

import difflib
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from pkd.errors import InputError
from pkd.runtime.validation import problems_of
from study.config.search_space import Section
from study.config.study_config import StudyConfig

_MOST_SHOWN = 30
_VARIANTS = frozenset({"range", "choices", "choice", "by_depth", "several"})
_UNKNOWN = "unknown key "
_KEY = re.compile(r"`([\w.-]+)`")


class Origins:
    """Where the values of a configuration come from.

    Args:
        file: what a message calls the source of the keys that no option sets.
        tree: the keys and values of the file.
    """

    def __init__(self, file: str, tree: dict[str, Any]) -> None:
        self._file = file
        self._sources = [(key, file) for key in _paths(tree, "")]

    def add(self, key: str, option: str) -> None:
        """Records that an option, e.g. ``--set seed=1``, sets a key and what is below it."""
        self._sources.append((key, option))

    def blamed(self, key: str, problem: str) -> tuple[str, str]:
        """Returns what a problem is to be blamed on, and the problem as the user should see it.

        Args:
            key: the key or group that the problem was found in.
            problem: a sentence, which may name keys in backticks.
        """
        named = [key]
        if not problem.startswith((_UNKNOWN, f"`{key}`")):  # it is about keys that do not fit
            named = [name for name in _KEY.findall(problem) if name in _ALL_KEYS] or [key]
        # What changed a value last: options come after the file, and later ones win.
        order = {source: place for place, (_, source) in enumerate(self._sources)}
        sources = {name: self._source(name) for name in named}
        found = [source for source in sources.values() if source is not None]
        last = max(found, key=order.__getitem__, default=self._file)
        others = [
            f"`{name}` comes from {source}"
            for name, source in sources.items()
            if source not in (last, None)
        ]
        return last, "; ".join([problem, *others])

    def _source(self, key: str) -> str | None:
        """Returns the last source of a key, of a part of it, or of a group that it is in."""
        for known, source in reversed(self._sources):
            if f"{key}.".startswith(f"{known}.") or f"{known}.".startswith(f"{key}."):
                return source
        return None


def _paths(tree: Any, prefix: str) -> Iterator[str]:
    """Yields the keys of a tree that hold values, with the groups that they are in."""
    if not isinstance(tree, dict):
        yield prefix.removesuffix(".")
        return
    for key, value in tree.items():
        yield from _paths(value, f"{prefix}{key}.")


def validated(tree: dict[str, Any], origins: Origins) -> StudyConfig:
    """Returns the configuration that a tree of keys and values gives.

    Raises:
        InputError: one message with every problem, by the file or option that it comes from.
    """
    problems = list(_unknown_keys(tree, StudyConfig, ""))
    try:
        config = StudyConfig.model_validate(tree)
    except ValidationError as error:
        problems += [
            (key, line)
            for key, line in problems_of(error, _VARIANTS)
            if "Extra inputs are not permitted" not in line
        ]
    if not problems:
        return config
    lines: dict[str, list[str]] = {}
    for where, line in dict.fromkeys(origins.blamed(*each) for each in problems):
        lines.setdefault(where, []).append(line)
    raise InputError("\n".join(_told(where, each) for where, each in lines.items()))


def _told(where: str, lines: list[str]) -> str:
    shown = lines[:_MOST_SHOWN] + ["…"] * (len(lines) > _MOST_SHOWN)
    return f"{where} has {len(lines)} problem(s):\n  " + "\n  ".join(shown)


def _unknown_keys(tree: Any, section: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in tree.items() if isinstance(tree, dict) else ():
        if key not in section.model_fields:
            hint = _nearest(str(key), section, prefix)
            valid = ", ".join(section.model_fields)
            full = f"{prefix}{key}"
            yield full, f"{_UNKNOWN}`{full}`{hint} (valid here: {valid})"
            continue
        for kind in _sections(section, key):
            yield from _unknown_keys(value, kind, f"{prefix}{key}.")


def _nearest(key: str, section: type[BaseModel], prefix: str) -> str:
    """Returns the keys of that name in other groups, else the nearest of the same group."""
    full = [each for each in _ALL_KEYS if each.split(".")[-1] == key]
    if not full:
        near = difflib.get_close_matches(key, list(section.model_fields), n=1, cutoff=0.5)
        full = [f"{prefix}{name}" for name in near]
    return f"; did you mean {' or '.join(f'`{name}`' for name in full)}?" if full else ""


def _all_keys(section: type[BaseModel], prefix: str) -> Iterator[str]:
    for key in section.model_fields:
        yield f"{prefix}{key}"
        for kind in _sections(section, key):
            yield from _all_keys(kind, f"{prefix}{key}.")


def _sections(section: type[BaseModel], key: str) -> Iterator[type[BaseModel]]:
    annotation = section.model_fields[key].annotation
    for kind in getattr(annotation, "__args__", (annotation,)):
        kind = getattr(kind, "__origin__", kind)  # of Annotated
        if isinstance(kind, type) and issubclass(kind, Section):
            yield kind


_ALL_KEYS = tuple(_all_keys(StudyConfig, ""))
