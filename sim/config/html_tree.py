"""A configuration as a tree for notebooks: sections that open, every value with its unit and where it is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from pydantic import BaseModel

from sim.config.sections.display_units import display
from sim.config.source_positions import Address, allowed_at, child, short_text

PROVENANCE = ("source", "date", "confidence", "note")
NUMBERS = ("value", "low", "mode", "high", "median", "p90", "values", "weights")


def tree_html(title: str, tree: Mapping[str, Any], model: type[BaseModel]) -> str:
    """Return a tree of plain values as nested HTML lists that open and close; units are those of the model."""
    return f"<div><b>{escape(title)}</b>{''.join(_section(tree, (), model))}</div>"


def _section(node: Mapping[str, Any], address: Address, model: type[BaseModel]) -> Iterator[str]:
    """Yield the HTML of a section: its values first to last, sections inside it closed."""
    yield "<ul style='margin:0'>"
    for key, value in node.items():
        if key not in PROVENANCE:
            yield from _entry(str(key), value, (*address, key), model)
    yield "</ul>"


def _entry(name: str, value: Any, address: Address, model: type[BaseModel]) -> Iterator[str]:
    """Yield the HTML of one key: a value on its line, or a section or list that opens."""
    parts = _as_mapping(value)
    if parts is None or _is_number(parts):
        yield f"<li>{escape(name)}: {_value(value, address, model)}{_origin(value)}</li>"
        return
    count = f" <small>({len(parts)})</small>"
    yield f"<li><details><summary>{escape(name)}{count}{_origin(value)}</summary>"
    yield from _section(parts, address, model)
    yield "</details></li>"


def _as_mapping(value: Any) -> Mapping[Any, Any] | None:
    """Return a mapping as it is, a list of sections by number; None for a plain value."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list) and any(isinstance(element, Mapping) for element in value):
        return dict(enumerate(value))
    return None


def _is_number(node: Mapping[Any, Any]) -> bool:
    """Return whether a mapping is one number with its range and its source."""
    return any(key in node for key in NUMBERS) and all(key in (*NUMBERS, *PROVENANCE, "shape") for key in node)


def _value(value: Any, address: Address, model: type[BaseModel]) -> str:
    """Return the HTML of a value with its unit, as it is written in a file."""
    unit = allowed_at(model, address).unit
    value = _converted(value, unit)
    if isinstance(value, Mapping):
        parts = [f"{key} {short_text(value[key])}" for key in NUMBERS if child(value, key) is not None]
        text = short_text(value["value"]) if list(value)[:1] == ["value"] and len(parts) == 1 else ", ".join(parts)
    elif isinstance(value, list):
        text = ", ".join(short_text(element) for element in value) or "none"
    else:
        text = short_text(value)
    return f"<code>{escape(text)}</code>{f' {escape(display().unit(unit))}' if unit else ''}"


def _converted(value: Any, unit: str) -> Any:
    """Return a value of a unit, alone, in a list or in a mapping, as it is shown; weights and texts stay."""
    if isinstance(value, Mapping):
        return {key: part if key == "weights" else _converted(part, unit) for key, part in value.items()}
    if isinstance(value, list):
        return [_converted(part, unit) for part in value]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return display().value(value, unit) if is_number and unit else value


def _origin(value: Any) -> str:
    """Return the HTML of the source and confidence of a value, small; empty where it has none."""
    if not isinstance(value, Mapping):
        return ""
    texts = [str(value[key]) for key in ("source", "confidence") if value.get(key)]
    return f" <small style='color:gray'>{escape(' · '.join(texts))}</small>" if texts else ""
