"""Addresses and positions of the values of a configuration, and what the schema allows at an address.

An address is the path of keys in the tree; a position is file, line and column. `allowed_at` looks up the types,
unit and range that the models state for an address, from which messages, hints and `--set` are made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sim.config.sections.base import Bounds, Unit
from sim.errors import NOTHING, Problem

# --- addresses and positions ------------------------------------------------------------------------------------------


Address = tuple[str | int, ...]
"""The keys and list indices from the top of the tree to a value."""

_MAX_LENGTH = 60
_WORD = re.compile(r"[A-Za-z0-9._-]+")


class Position(NamedTuple):
    """A position in a file, counted from 1; line 0 for a value that is in no file (an override)."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """Return the position as messages show it: `configs/x.yaml:12`, or `--set scale.phases`."""
        return f"{self.file}:{self.line}" if self.line else self.file


Positions = dict[Address, Position]


class Unread(str):
    """Placeholder in the tree for a value that was refused on reading, so that it is reported only once."""


@dataclass(frozen=True)
class Fault:
    """A mistake at an address, before it becomes a message; `value` is NOTHING if none is shown."""

    address: Address
    position: Position
    value: object
    message: str
    hint: str = ""


def problem_of(fault: Fault, tree: Any) -> Problem:
    """Return a fault as a problem for people, with its path as `--set` takes it."""
    value = "" if fault.value is NOTHING else short_text(fault.value)
    file, line, column = fault.position
    path = dotted_path(fault.address, tree)
    path = "" if file == f"--set {path}" else path
    return Problem(file, line, column, path, value, fault.message, fault.hint)


def dotted_path(address: Address, tree: Any) -> str:
    """Return an address with dots; a list element is named by its `id` if it has one: `shell.steps.slab.hours`."""
    words = []
    for key in address:
        node = child(tree, key)
        name = node.get("id") if isinstance(key, int) and isinstance(node, Mapping) else None
        has_id = isinstance(name, str) and _WORD.fullmatch(name)
        words.append(_printable(str(name if has_id else key)))
        tree = node
    return ".".join(words)


def child(node: Any, key: str | int) -> Any:
    """Return the part of a mapping or list under a key, None where there is none."""
    if isinstance(node, Mapping):
        return node.get(key)
    if isinstance(node, list) and isinstance(key, int) and 0 <= key < len(node):
        return node[key]
    return None


def has(node: Any, key: str | int) -> bool:
    """Return whether a mapping or list has a part under this key."""
    if isinstance(node, Mapping):
        return key in node
    return isinstance(node, list) and isinstance(key, int) and 0 <= key < len(node)


def paths_to(tree: Any, word: str) -> str:
    """Return a hint with the paths that end in a word, `did you mean logistics.cranes?`; empty for more than three."""
    paths = [dotted_path(address, tree) for address in _ending_in(tree, word, ())]
    return f"did you mean {' or '.join(paths)}?" if 0 < len(paths) <= 3 else ""


def _ending_in(node: Any, word: str, prefix: Address) -> Iterator[Address]:
    """Yield every address that ends in a word, within mappings only; `node` is the value at `prefix`."""
    for key, part in node.items() if isinstance(node, Mapping) else ():
        if key == word:
            yield (*prefix, key)
        else:
            yield from _ending_in(part, word, (*prefix, key))


def addresses_in(value: Any, address: Address) -> Iterator[Address]:
    """Yield the address of a value and of all its parts."""
    yield address
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from addresses_in(part, (*address, key))


def value_at(tree: Any, address: Address) -> Any:
    """Return the value at an address, None where there is none."""
    for key in address:
        tree = child(tree, key)
    return tree


def nearest_position(positions: Positions, address: Address) -> Position:
    """Return the position of a value, or of the innermost section around it that has one."""
    for length in range(len(address), -1, -1):
        if address[:length] in positions:
            return positions[address[:length]]
    return Position("", 0, 0)


def in_file_order(faults: Iterable[Fault], first_file: str) -> list[Fault]:
    """Return different faults in the order of their positions, the first file before its base, overrides last."""
    different = {(fault.position, fault.address, fault.message): fault for fault in faults}

    def sort_key(fault: Fault) -> tuple[bool, bool, Position]:
        return fault.position.line == 0, fault.position.file != first_file, fault.position

    return sorted(different.values(), key=sort_key)


def short_text(value: object) -> str:
    """Return a value as one short line of text, as YAML would have it."""
    if isinstance(value, Unread):
        text = _printable(value)
    elif isinstance(value, Mapping):
        text = "{" + ", ".join(_printable(str(key)) for key in value) + "}"
    elif isinstance(value, list | tuple):
        text = f"a list of {len(value)}"
    elif isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False) if value.isprintable() else ascii(value)
    elif isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        text = str(int(value))
    else:
        text = json.dumps(value) if isinstance(value, bool | float | int | None) else _printable(str(value))
    return text if len(text) <= _MAX_LENGTH else text[: _MAX_LENGTH - 1] + "…"


def _printable(text: str) -> str:
    """Return a text escaped so that it cannot break the line or colour the terminal."""
    return text if text.isprintable() else ascii(text)[1:-1]


# --- what the schema allows at an address -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Allowed:
    """What the schema allows at an address: types, and the unit, range and description of a number."""

    types: tuple[Any, ...]
    unit: str = ""
    bounds: Bounds | None = None
    description: str = ""

    def fields(self) -> dict[str, FieldInfo]:
        """Return the fields of the section at this address; empty for free keys and plain values."""
        sections = [kind for kind in self.types if _is_section(kind)]
        return {field.alias or name: field for kind in sections for name, field in kind.model_fields.items()}

    def range_and_unit(self) -> str:
        """Return range and unit as text, `1 to 50 lines`; empty where neither is stated."""
        range_text = self.bounds.describe() if self.bounds else ""
        return " ".join(part for part in (range_text, self.unit) if part)


def allowed_at(model: type[BaseModel], address: Address) -> Allowed:
    """Return what a model allows at an address; no types where nothing is allowed."""
    allowed = Allowed((model,))
    for key in address:
        # every element of a list is alike: of a hundred risk drivers one is looked at
        allowed = _allowed_below(allowed, 0 if isinstance(key, int) else key)
    return allowed


@lru_cache(maxsize=4096)
def _allowed_below(allowed: Allowed, key: str | int) -> Allowed:
    """Return what is allowed under a key: for a field, a value of a mapping or an element of a list."""
    field = allowed.fields().get(str(key))
    if field is not None:
        # the parts of an estimate have the unit and range of the whole
        within_number = any(hasattr(kind, "numbers") for kind in allowed.types)
        of_field = _allowed_by(field.annotation, field.metadata, allowed if within_number else Allowed(()))
        return Allowed(of_field.types, of_field.unit, of_field.bounds, field.description or "")
    elements = [element for kind in allowed.types for element in _elements(kind)]
    return _allowed_by(Union[tuple(elements)], (), allowed) if elements else Allowed(())  # noqa: UP007 (built at run time)


def _allowed_by(annotation: Any, metadata: Iterable[Any], inherited: Allowed) -> Allowed:
    """Return the types of an annotation, with the unit and range of its metadata, or else the inherited ones."""
    types: list[Any] = []
    marks = list(metadata)
    for kind, own_marks in _alternatives(annotation):
        types.append(kind)
        marks += own_marks
    unit = next((mark.name for mark in marks if isinstance(mark, Unit)), inherited.unit)
    bounds = next((mark for mark in marks if isinstance(mark, Bounds)), _plain_bounds(marks) or inherited.bounds)
    return Allowed(tuple(types), unit, bounds, inherited.description)


def _plain_bounds(metadata: Iterable[Any]) -> Bounds | None:
    """Return the range stated by pydantic's own constraints (`ge`, `gt`, `le`), None without any."""
    limits = {word: getattr(mark, word) for mark in metadata for word in ("ge", "gt", "le") if hasattr(mark, word)}
    if not limits:
        return None
    return Bounds(limits.get("ge", limits.get("gt")), limits.get("le"), above="gt" in limits)


def _alternatives(annotation: Any) -> Iterator[tuple[Any, list[Any]]]:
    """Yield (type, its metadata) for every alternative of a type annotation, without `Annotated`, unions and None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        annotated_type, *metadata = get_args(annotation)
        yield from ((kind, [*own_metadata, *metadata]) for kind, own_metadata in _alternatives(annotated_type))
    elif origin in (Union, UnionType):
        for option in get_args(annotation):
            yield from _alternatives(option)
    elif annotation is not NoneType:
        yield annotation, []


def _elements(kind: Any) -> list[Any]:
    """Return the types of the values of a mapping, or of the elements of a sequence; empty for other types."""
    arguments = [argument for argument in get_args(kind) if argument is not ...]
    origin = get_origin(kind)
    if not arguments or not isinstance(origin, type):
        return []
    return arguments[1:] if hasattr(origin, "keys") else arguments


def _is_section(kind: Any) -> bool:
    """Return whether a type is a section with fields."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)
