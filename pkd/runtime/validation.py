"""Checks of arguments, and messages for values that pydantic refuses."""

import re
from typing import Any

from pydantic import ValidationError

from pkd.errors import InputError, named, shown
from pkd.runtime.redaction import redacted

_GROUP = re.compile("must be a valid dictionary or instance of .*")


def check_arguments(arguments: list[str]) -> None:
    """Checks that all arguments are UTF-8, because the files of a study record them.

    Raises:
        InputError: if one is not; names the argument.
    """
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise InputError(f"the argument {argument!r} is not UTF-8: rename it") from None


def describe_errors(error: ValidationError) -> list[str]:
    """Returns a line for each problem that pydantic found: key, value and constraint."""
    return [line for _, line in problems_of(error)]


def problems_of(
    error: ValidationError, tags: frozenset[str] = frozenset()
) -> list[tuple[str, str]]:
    """Returns the key and the line of each problem that pydantic found.

    Args:
        error: of a model.
        tags: names of a model's variants, which pydantic puts between keys.
    """
    found = [
        (".".join(str(part) for part in each["loc"] if part not in tags), each)
        for each in error.errors()
    ]
    keys = [key for key, _ in found]
    return [
        (key, _line(named(key), each["type"], each["msg"], each["input"]))
        for key, each in found
        # A list whose elements are all refused is not too short.
        if each["type"] != "too_short" or not any(k.startswith(f"{key}.") for k in keys)
    ]


def _line(key: str, kind: str, message: str, value: Any) -> str:
    message = message.removeprefix("Value error, ")
    if kind == "missing":
        return f"`{key}` is missing"
    if kind == "value_error" and (not key or message.startswith("`")):
        return message  # it names its key already
    message = _GROUP.sub("must be a group of keys", message.replace("Input should be", "must be"))
    message = message.replace("valid tuple", "list").partition(", unable to")[0]
    if kind == "too_short":
        message = "must not be empty"
    if kind == "string_type" and isinstance(value, (bool, int, float)):
        message += "; put it in quotes"  # YAML does not read yes, no, on, off and 1.0 as text
    told = shown(redacted(value) if isinstance(value, str) else value)
    return f"`{key}` is {told}, but {message}"
