"""What is written down about a command: neither the user's home nor anybody's credentials."""

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# user:secret@ of a URI. A secret may hold slashes; a user alone may not.
_CREDENTIALS = re.compile(r"(\w+://)(?:[^/@\s:]*:\S*|[^/@\s]+)@")


def redacted(text: str) -> str:
    """A text with ``~`` for the home folder and ``***`` for the credentials of a URI.

    `study.config.sections` and the command line read ``~`` back.
    """
    for home in _homes():
        # A whole path: the home of ann is no part of the home of anna, nor of a copy elsewhere.
        text = re.sub(rf"(?<![\w.-]){re.escape(home)}(?![\w-]|\.\w)", "~", text)
    return _CREDENTIALS.sub(r"\1***@", text)


def redacted_tree(value: Any) -> Any:
    """Nested lists and mappings with all their texts redacted."""
    if isinstance(value, dict):
        return {key: redacted_tree(each) for key, each in value.items()}
    if isinstance(value, list):
        return [redacted_tree(each) for each in value]
    return redacted(value) if isinstance(value, str) else value


def redacted_command(words: Sequence[str]) -> str:
    """A command line for a shell, which still means the same to the same user."""
    return " ".join(_quoted(redacted(word)) for word in words)


def _quoted(word: str) -> str:
    # A shell leaves a quoted ~ alone.
    return "~/" + shlex.quote(word[2:]) if word.startswith("~/") else shlex.quote(word)


def _homes() -> list[str]:
    home = os.path.expanduser("~")
    # Recorded paths are resolved, and a home may be a link. A home of / tells nothing.
    return [each for each in {home, str(Path(home).resolve())} if each.strip("/~")]
