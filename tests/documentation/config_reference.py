"""Writes the reference of every key: ``python -m tests.documentation.config_reference``.

The description of a key is in the docstring of its group; types and limits are in its annotation.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from docstring_parser import DocstringStyle, parse
from pydantic import BaseModel

from study.config.search_space import Range, Section
from study.config.study_config import StudyConfig

FILE = Path(__file__).resolve().parents[2] / "docs" / "config.md"
_OPENING = """# Every key of a configuration

A study's configuration is a YAML file (`--config`); `--set key=value` changes a key, values in
YAML: `--set search.trials=8 "depths=[6, 3]"`. Unknown keys are refused with the nearest valid one.
A problem is reported with the file or the option that it comes from.

`configs/` holds whole studies to start from; `--config laptop`, `laptop.yaml` and
`configs/laptop.yaml` find `configs/laptop.yaml` from any folder. Where a list is expected, one
value is a list of one: `--set depths=3 methods=kd,pkd-skip`.

A *search space* is a number (fixed), a list (choices) or a range `{low: 1e-5, high: 1e-4,
log: true}` (`log` spreads it evenly over orders of magnitude).

This page is made from the configuration's own schema:
`python -m tests.documentation.config_reference`.
"""


def reference() -> str:
    """Returns the page, in Markdown."""
    return "\n".join([_OPENING, *_section(StudyConfig, "")])


def _section(model: type[BaseModel], path: str) -> Iterator[str]:
    """Yields a table of a group's own keys, then the groups in it."""
    properties = model.model_json_schema()["properties"]
    doc = parse(inspect.getdoc(model) or "", DocstringStyle.GOOGLE)
    descriptions = {each.arg_name: _text(each.description) for each in doc.params}
    groups = {}
    if path:
        yield f"## `{path}`\n\n{_text(doc.short_description)}\n"
    yield "| key | value | default | meaning |\n|---|---|---|---|"
    for name, field in model.model_fields.items():
        key = f"{path}.{name}" if path else name
        group = _group(field.annotation)
        if group is None:
            value, default = _kind(properties[name]), f"`{_yaml(field.default)}`"
        else:
            groups[key] = group
            value, default = f"[group](#{key.replace('.', '')})", ""
        yield f"| `{key}` | {value} | {default} | {descriptions.get(name, '')} |"
    yield ""
    for key, group in groups.items():
        yield from _section(group, key)


def _group(annotation: Any) -> type[BaseModel] | None:
    """Returns the group that a key stands for, or None for a plain key."""
    for kind in (annotation, *getattr(annotation, "__args__", ())):
        if inspect.isclass(kind) and issubclass(kind, Section) and kind is not Range:
            return kind
    return None


def _kind(schema: dict[str, Any]) -> str:
    """Describes in words what a value may be."""
    if kinds := schema.get("anyOf", schema.get("oneOf")):
        if any("$ref" in each for each in kinds):
            return "search space"
        return " or ".join(map(_kind, kinds))
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    kind = {"array": "list", "object": "mapping", "string": "text"}.get(
        schema["type"], schema["type"]
    )
    if kind == "list":
        of = schema.get("items", {})
        return "list of " + _kind(of) if of else kind
    if kind == "mapping":
        by_pattern = schema.get("patternProperties", {}).values()
        (values,) = by_pattern or [schema["additionalProperties"]]
        return f"mapping of names to {_kind(values)}"
    limits = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    shown = [f"{sign} {schema[key]:,}" for key, sign in limits.items() if key in schema]
    return " ".join([kind, ", ".join(shown)]).strip()


def _text(description: str | None) -> str:
    return " ".join((description or "").split()).replace("``", "`").replace("|", "\\|")


def _yaml(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    written: str = yaml.safe_dump(plain, default_flow_style=True, width=999)
    return written.replace("...", "").strip()


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
