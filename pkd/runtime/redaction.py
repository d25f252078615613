"""Removes the user's home folder and credentials from what is recorded about a command."""

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# user:secret@ in a URI. A secret may contain slashes; a user name alone may not.
_CREDENTIALS = re.compile(r"\b(\w+://)(?:[^/@\s:]*:\S*|[^/@\s]+)@")


def redacted(text: str) -> str:
    """Replaces the home folder by ``~`` and the credentials of a URI by ``***``.

    `study.config.sections` and the command line expand ``~`` again.
    """
    for home in _homes():
        # Whole paths only: the home of ann is not a part of the home of anna.
        text = re.sub(rf"(?<![\w.-]){re.escape(home)}(?![\w-]|\.\w)", "~", text)
    return _CREDENTIALS.sub(r"\1***@", text)


def redacted_tree(value: Any) -> Any:
    """Redacts all texts in nested lists and dictionaries."""
    if isinstance(value, dict):
        return {key: redacted_tree(each) for key, each in value.items()}
    if isinstance(value, list):
        return [redacted_tree(each) for each in value]
    return redacted(value) if isinstance(value, str) else value


def redacted_command(words: Sequence[str]) -> str:
    """Returns a redacted command line for a shell; it does the same for the same user."""
    return " ".join(_quoted(redacted(word)) for word in words)


def _quoted(word: str) -> str:
    # A shell does not expand ~ inside quotes.
    return "~/" + shlex.quote(word[2:]) if word.startswith("~/") else shlex.quote(word)


def _homes() -> list[str]:
    home = os.path.expanduser("~")
    # Recorded paths are resolved, and a home may be a link. / as a home is not replaced.
    return [each for each in {home, str(Path(home).resolve())} if each.strip("/~")]
