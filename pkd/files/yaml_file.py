"""YAML files: in those of users, doubled keys are errors, and aliases cannot make them huge."""

import re
from pathlib import Path
from typing import Any

import yaml

from pkd.errors import InputError, named, shown
from pkd.files.text_file import open_file
from pkd.shown_text import lines as visible

# Enough for a task with many labels; a data file or weights given by mistake are larger.
_MOST_BYTES = 1_000_000
_MOST_VALUES = 50_000
_BOOLEAN = "tag:yaml.org,2002:bool"


def read_mapping(path: Path, what: str, words: bool = False) -> dict[str, Any]:
    """Reads a file of keys and values; an empty file gives an empty dictionary.

    Args:
        path: UTF-8 text.
        what: what the file is, for messages.
        words: see `read_yaml`.

    Raises:
        InputError: with the file and, where it is known, the line.
    """
    try:
        tree = read_yaml(path, words)
    except InputError as error:
        raise InputError(f"cannot read the {what} {path}: {error}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise InputError(
            f"the {what} {path} must hold keys and values, e.g. `name: demo`, but holds "
            f"{shown(tree)}"
        )
    return tree


def read_yaml(path: Path, words: bool = False) -> Any:
    """Reads a YAML file of moderate size, in which each key appears once.

    Args:
        path: UTF-8 text.
        words: whether ``yes``, ``no``, ``on`` and ``off`` are texts, as in YAML 1.2, and not true
            and false, as in YAML 1.1.

    Raises:
        InputError: with the reason, which does not name the file.
    """
    try:
        with open_file(path) as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise InputError(f"it has more than {_MOST_BYTES:,} bytes; is it a data file?")
        return parse_yaml(content.decode("utf-8"), _WordLoader if words else _Loader)
    except (OSError, ValueError) as error:
        raise InputError(getattr(error, "strerror", None) or str(error)) from None


class _Loader(yaml.SafeLoader):
    """Adds the line to the error for a value that its type does not allow, e.g. 2020-13-01."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, TypeError):
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(
                None, None, f"{shown(node.value)} is not a valid {kind}", node.start_mark
            ) from None


class _WordLoader(_Loader):
    """Reads yes, no, on and off as texts, as YAML 1.2 does."""

    yaml_implicit_resolvers = {
        first: [each for each in resolvers if each[0] != _BOOLEAN]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_WordLoader.add_implicit_resolver(
    _BOOLEAN, re.compile("(true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def parse_yaml(text: str, loader: type[_Loader] = _Loader) -> Any:
    """Reads YAML of moderate size, in which each key appears once.

    Raises:
        InputError: with the reason and, where it is known, the line.
    """
    try:
        root = yaml.compose(text, loader)
        if root is None:
            return None
        _check_size_and_keys(root)
        return loader("").construct_document(root)
    except yaml.YAMLError as error:
        raise InputError(f"it is not YAML: {error}") from None
    except RecursionError:
        raise InputError("it is nested too deeply") from None


def _check_size_and_keys(root: yaml.Node) -> None:
    """Refuses doubled keys, and files that are too large once their aliases are written out."""
    nodes, count = [root], 0
    while nodes:
        node = nodes.pop()
        count += 1
        if count > _MOST_VALUES:
            raise InputError(f"it holds more than {_MOST_VALUES:,} values, aliases written out")
        if isinstance(node, yaml.MappingNode):
            _check_keys([key for key, _ in node.value])
            nodes += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            nodes += node.value


def _check_keys(keys: list[yaml.Node]) -> None:
    lines: dict[tuple[str, str], int] = {}
    for key in keys:
        if not isinstance(key, yaml.ScalarNode):
            continue  # PyYAML raises its own error
        line = key.start_mark.line + 1
        if (key.tag, key.value) in lines:
            first = lines[key.tag, key.value]
            raise InputError(
                f"the key `{named(str(key.value))}` appears twice, on lines {first} and {line}"
            )
        lines[key.tag, key.value] = line


def yaml_text(content: Any) -> str:
    """Returns YAML that reads back as it was, and all of whose characters can be seen."""
    text = str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    # Without `allow_unicode` it holds escapes in quotes.
    return text if visible(text) == text else str(yaml.safe_dump(content, sort_keys=False))
