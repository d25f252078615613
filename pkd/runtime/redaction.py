"""Removes the user's home folder and credentials from what is recorded about a command."""

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_HIDDEN = "***"
# Names of values that are secret wherever they stand: token=…, HF_TOKEN=…, "api_key": …
_NAMES = (
    r"(?:(?:hf|access|auth|api|session|security|refresh|id|sas|bearer|\w{0,40}_auth)[_-]?)?token"
    r"|(?:\w{1,40}[_-])?(?:secret|passw(?:or)?d|passphrase|credentials?)"
    r"|\w{0,40}(?:api|access|secret|private|account|signing)[_-]?key(?:[_-]?id)?"
    r"|aws_session_token|x-amz-[\w-]+|[A-Z0-9_]{1,40}_(?-i:TOKEN|SECRET|PASSWORD|KEY)"
)
# Names that are secret only among the options of a URI.
_OPTIONS = rf"{_NAMES}|sig|signature|sas|auth|authorization|key|pwd|pass|code"
_NAME = re.compile(_NAMES, re.IGNORECASE)

_OPTION = rf"((?:[?&;#]|%3F|%26|%3B|%23)(?:{_OPTIONS})(?:=|%3D))"
# In a text, an option ends at a blank or a quote; in a value that is a URI, it may hold them.
_OPTION_IN_TEXT = re.compile(_OPTION + r"(?:(?!%26|%23)[^&#\s'\"<>])+", re.IGNORECASE)
_OPTION_OF_URI = re.compile(_OPTION + r"(?:(?!%26|%23)[^&#])+", re.IGNORECASE)
_URI = re.compile(r"(?:-*[\w.-]+=)?\w[\w+.-]{0,40}://")

_PATTERNS = [
    # user:secret@ of a URI. A secret may contain slashes; a user name alone may not.
    (
        re.compile(r"\b(\w[\w+.-]{0,40}://)(?:[^/@\s:]*:\S{0,500}|[^/@\s]{1,500})@"),
        rf"\1{_HIDDEN}@",
    ),
    # The same in a whole value, with blanks in the secret.
    (re.compile(r"^((?:[\w.-]+=)?\w[\w+.-]{0,40}://)[^/@:]*:.*@"), rf"\1{_HIDDEN}@"),
    # The same without a scheme: user:secret@host.domain, user:secret@host:port, …@host/path.
    (
        re.compile(
            r"(?<![\w/:@.-])(?!mailto:)[\w.+-]{1,80}:[^\s@/,;]+@(?=[A-Za-z][\w-]*(?:\.\w|:\d|/))"
        ),
        f"{_HIDDEN}@",
    ),
    # Headers.
    (
        re.compile(
            r"\b(authorization['\"]?\s*[:=]\s*['\"]?(?:(?:basic|bearer|digest|token)\s+)?)"
            r"[^\s'\",]+",
            re.IGNORECASE,
        ),
        rf"\1{_HIDDEN}",
    ),
    (re.compile(r"\b((?:bearer|basic)\s+)(?=\S*\d)[\w.~+/=-]{12,}", re.I), rf"\1{_HIDDEN}"),
    # NAME=value, and "name": "value" of JSON, YAML and Python.
    (
        re.compile(rf"(?<![\w?&-])(--)?({_NAMES})=(['\"]?)(?!\*\*\*)[^\s'\",}}]+", re.IGNORECASE),
        rf"\1\2=\3{_HIDDEN}",
    ),
    (
        re.compile(rf"(['\"](?:{_NAMES})['\"]\s*:\s*['\"])(?!\*\*\*)[^'\"]+", re.IGNORECASE),
        rf"\1{_HIDDEN}",
    ),
    # Tokens of a known form.
    (
        re.compile(
            r"\b(?:hf_[A-Za-z0-9]{16,}|(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{16,}"
            r"|github_pat_\w{16,}|glpat-[\w-]{16,}|sk-[\w-]{20,}|xox[abprs]-[\w-]{10,}"
            r"|AIza[\w-]{30,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)"
        ),
        _HIDDEN,
    ),
]


def redacted(text: str) -> str:
    """Replaces the home folder by ``~`` and every secret by ``***``.

    `study.config.sections` and the command line expand ``~`` again.
    """
    for home in _homes():
        # Whole paths only: the home of ann is not a part of the home of anna.
        text = re.sub(rf"(?<![\w.-]){re.escape(home)}(?![\w-]|\.\w)", "~", text)
    return without_secrets(text)


def without_secrets(text: str) -> str:
    """Replaces passwords, tokens and keys by ``***``.

    They are found in URIs, in headers, as ``NAME=value``, and alone if their form is known.
    """
    option = _OPTION_OF_URI if _URI.match(text) else _OPTION_IN_TEXT
    text = option.sub(rf"\1{_HIDDEN}", text)
    for pattern, hidden in _PATTERNS:
        text = pattern.sub(hidden, text)
    return text


def redacted_tree(value: Any) -> Any:
    """Redacts all texts in nested lists and dictionaries."""
    if isinstance(value, dict):
        return {
            key: _HIDDEN if isinstance(each, str) and _is_secret(key) else redacted_tree(each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [redacted_tree(each) for each in value]
    return redacted(value) if isinstance(value, str) else value


def redacted_command(words: Sequence[str]) -> str:
    """Returns a redacted command line for a shell; it does the same for the same user."""
    hidden, after = [], ""
    for word in words:
        hidden.append(_HIDDEN if _is_secret(after.lstrip("-")) else redacted(word))
        after = word if word.startswith("--") else ""
    return " ".join(map(_quoted, hidden))


def _is_secret(name: object) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def _quoted(word: str) -> str:
    # A shell does not expand ~ inside quotes.
    return "~/" + shlex.quote(word[2:]) if word.startswith("~/") else shlex.quote(word)


def _homes() -> list[str]:
    home = os.path.expanduser("~")
    # Recorded paths are resolved, and a home may be a link. / as a home is not replaced.
    return [each for each in {home, str(Path(home).resolve())} if each.strip("/~")]
