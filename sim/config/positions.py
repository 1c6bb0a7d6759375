"""Where a value of the configuration stands: its address in the tree, its place in a file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sim.errors import NOTHING, Problem

Address = tuple[str | int, ...]
"""The keys and list indices from the top of the tree to a value."""

_LONGEST = 60
_WORD = re.compile(r"[A-Za-z0-9._-]+")


class Position(NamedTuple):
    """A place in a file, counted from 1; line 0 for what stands in no file (an override)."""

    file: str
    line: int
    column: int


Positions = dict[Address, Position]


class Unread(str):
    """Stands in the tree for a value that was refused on reading, which is not complained about twice."""


@dataclass(frozen=True)
class Fault:
    """A mistake at an address, before it is worded for people; `value` is NOTHING if none is shown."""

    address: Address
    position: Position
    value: object
    message: str
    hint: str = ""


def problem_of(fault: Fault, tree: Any) -> Problem:
    """The fault in words, its path written as `--set` would take it."""
    value = "" if fault.value is NOTHING else shown(fault.value)
    file, line, column = fault.position
    path = path_words(fault.address, tree)
    path = "" if file == f"--set {path}" else path
    return Problem(file, line, column, path, value, fault.message, fault.hint)


def path_words(address: Address, tree: Any) -> str:
    """An address with dots; a list element goes by its `id` if it has one: `shell.steps.slab.hours`."""
    words = []
    for key in address:
        node = child(tree, key)
        name = node.get("id") if isinstance(key, int) and isinstance(node, Mapping) else None
        named = isinstance(name, str) and _WORD.fullmatch(name)
        words.append(_printable(str(name if named else key)))
        tree = node
    return ".".join(words)


def child(node: Any, key: str | int) -> Any:
    """The part of a mapping or list under a key, None where there is none."""
    if isinstance(node, Mapping):
        return node.get(key)
    if isinstance(node, list) and isinstance(key, int) and 0 <= key < len(node):
        return node[key]
    return None


def has(node: Any, key: str | int) -> bool:
    """Whether a mapping or list has a part under this key."""
    if isinstance(node, Mapping):
        return key in node
    return isinstance(node, list) and isinstance(key, int) and 0 <= key < len(node)


def at(tree: Any, address: Address) -> Any:
    """The value at an address, None where there is none."""
    for key in address:
        tree = child(tree, key)
    return tree


def nearest(positions: Positions, address: Address) -> Position:
    """The place of a value, or of the innermost section around it that has one."""
    for length in range(len(address), -1, -1):
        if address[:length] in positions:
            return positions[address[:length]]
    return Position("", 0, 0)


def shown(value: object) -> str:
    """A value on one short line, as YAML would have it."""
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
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _printable(text: str) -> str:
    """A text that cannot break the line or colour the terminal."""
    return text if text.isprintable() else ascii(text)[1:-1]
