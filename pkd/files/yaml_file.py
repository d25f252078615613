"""YAML that a person wrote, read so that nothing in it is lost and no file can stall a command."""

from pathlib import Path
from typing import Any

import yaml

from pkd.errors import InputError, shown

# A list of labels may be long; a data file or weights given by mistake are longer.
_MOST_BYTES = 1_000_000
_MOST_NODES = 50_000


def read_mapping(path: Path, what: str) -> dict[str, Any]:
    """Reads a file that holds keys and values; an empty one holds none.

    Args:
        path: UTF-8 text.
        what: what the file is, for messages.

    Raises:
        InputError: naming the file and, where there is one, the line.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise InputError(f"it has more than {_MOST_BYTES:,} bytes; is it a data file?")
        tree = parse_yaml(content.decode("utf-8"))
    except (OSError, ValueError, InputError) as error:
        raise InputError(f"cannot read the {what} {path}: {error}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise InputError(
            f"the {what} {path} must hold keys and values, e.g. `name: demo`, but holds "
            f"{shown(tree)}"
        )
    return tree


class _Loader(yaml.SafeLoader):
    """Tells where a value stands that its type does not allow, e.g. the date 2020-13-01."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, TypeError):
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(
                None, None, f"{shown(node.value)} is no {kind}", node.start_mark
            ) from None


def parse_yaml(text: str) -> Any:
    """Reads YAML of moderate size, in which each key stands once.

    Raises:
        InputError: saying what is wrong and, where it is known, on which line.
    """
    try:
        root = yaml.compose(text, _Loader)
        if root is None:
            return None
        _check(root)
        return _Loader("").construct_document(root)
    except yaml.YAMLError as error:
        raise InputError(f"it is no YAML: {error}") from None
    except RecursionError:
        raise InputError("it is nested too deeply") from None


def _check(root: yaml.Node) -> None:
    """Refuses doubled keys, of which one would silently win, and what aliases blow up."""
    nodes, count = [root], 0
    while nodes:
        node = nodes.pop()
        count += 1
        if count > _MOST_NODES:
            raise InputError(f"it holds more than {_MOST_NODES:,} values, aliases written out")
        if isinstance(node, yaml.MappingNode):
            _check_keys([key for key, _ in node.value])
            nodes += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            nodes += node.value


def _check_keys(keys: list[yaml.Node]) -> None:
    lines: dict[tuple[str, str], int] = {}
    for key in keys:
        if not isinstance(key, yaml.ScalarNode):
            continue  # PyYAML refuses it
        line = key.start_mark.line + 1
        if (key.tag, key.value) in lines:
            first = lines[key.tag, key.value]
            raise InputError(f"the key `{key.value}` stands twice, on lines {first} and {line}")
        lines[key.tag, key.value] = line
