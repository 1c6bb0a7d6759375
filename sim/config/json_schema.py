"""The configuration's JSON Schema, by which editors complete, explain and check the YAML files."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from sim.config.load import SCHEMA_VERSION
from sim.config.sections.base import Bounds

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of a configuration file; the same model gives the same bytes.

    No key is required, because a file that extends a base holds only what differs; the loader reports
    missing keys after merging. Units and ranges are part of each description.
    """
    schema = model.model_json_schema()
    _annotate(schema)
    properties = schema.pop("properties", {})
    version = {"title": "Schema version", "const": SCHEMA_VERSION, "description": "Format of this file"}
    base = {"title": "Extends", "type": "string", "description": "A base file, relative to this one"}
    head = {"schema_version": version, "extends": base}
    return {
        "$schema": _DIALECT,
        "title": schema.pop("title", model.__name__),
        "type": schema.pop("type", "object"),
        "properties": {**head, **{key: value for key, value in properties.items() if key != "schema_version"}},
        **schema,
    }


def _annotate(node: Any) -> None:
    """Drop all `required` and add unit and range to each description, in place."""
    if isinstance(node, list):
        for child in node:
            _annotate(child)
    if not isinstance(node, dict):
        return
    if isinstance(node.get("required"), list):
        del node["required"]
    range_text = _range_and_unit(node)
    if range_text and isinstance(node.get("description", ""), str):
        node["description"] = f"{node.get('description', '')} ({range_text})".strip()
    for child in node.values():
        _annotate(child)


def _range_and_unit(node: dict[str, Any]) -> str:
    """Return range and unit of a number as text; empty where no unit is stated."""
    unit = node.get("x-unit")
    if not isinstance(unit, str):
        return ""
    low, above_limit = node.get("minimum"), node.get("exclusiveMinimum")
    bounds = Bounds(above_limit if low is None else low, node.get("maximum"), above=low is None)
    return unit if bounds.low is None and bounds.high is None else f"{bounds.describe()} {unit}"
