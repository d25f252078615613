"""Checks of arguments, and messages for values that pydantic refuses."""

from pydantic import ValidationError

from pkd.errors import InputError, shown


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
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        # The message of a validator may name its key already.
        if problem["type"] == "value_error" and (not key or message.startswith("`")):
            lines.append(message)
            continue
        if problem["type"] == "missing":
            lines.append(f"`{key}` is missing")
            continue
        message = message.replace("Input should be", "must be")
        if problem["type"] == "string_type" and isinstance(problem["input"], (bool, int, float)):
            message += "; put it in quotes"  # YAML does not read yes, no, on, off and 1.0 as text
        lines.append(f"`{key}` is {shown(problem['input'])}, but {message}")
    return lines
