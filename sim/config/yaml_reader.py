"""Strict reader of YAML: plain values, with the line and column of each.

A configuration needs a small part of YAML. Scalars follow the core schema of YAML 1.2 (`no` and `12:30` are text,
`1e3` is a number), and whatever could be read in two ways is refused: leading zeros, duplicate keys, infinity, tags,
and the anchors and merge keys with which a small file can expand to gigabytes. Keys are always text; dates stay text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from sim import files
from sim.config.shipped import shipped_names
from sim.config.source_positions import Address, Fault, Position, Positions, Unread, problem_of
from sim.errors import CONTROL, NOTHING, ConfigError, closest

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_VALUES = 10_000
MAX_FAULTS = 100
MAX_DIGITS = 64

# The parser written in C gives the same events about fifty times faster; some builds come without it.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = {"", "~", "null", "Null", "NULL"}
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_NO_ALIASES = "anchors, aliases and merge keys are not read: write the value out, or use `extends`"


@dataclass
class Document:
    """The contents of one file: a tree of plain values, the position of each, and the faults of reading it.

    A refused value is an `Unread` text in the tree.
    """

    tree: Any = None
    positions: Positions = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read_file(path: Path) -> Document:
    """Read a YAML file; ConfigError when it cannot be opened, is too large or is not YAML."""
    file = path.as_posix()
    try:
        if not path.is_file():
            raise _refusal(file, *_not_a_file(path))
        data = files.read_at_most(path, MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise _refusal(file, f"is larger than {MAX_BYTES // 1000} kB: put long tables into CSV files")
        return _copy_of(_read_once(data.decode("utf-8-sig"), file))
    except UnicodeDecodeError as error:
        line = bytes(error.object[: error.start]).count(b"\n") + 1
        raise _refusal(file, "is not UTF-8 text", line) from None
    except OSError as error:
        raise _refusal(file, f"cannot be read: {error.strerror}") from None


def _not_a_file(path: Path) -> tuple[str, int, str]:
    """Return (message, line 0, hint) for a path that is no file: a misspelt project, the folder of a result or a project."""
    if not path.is_dir():
        name, names = path.stem, shipped_names()
        if name in names:
            return "there is no such file", 0, f"a shipped project goes by its name: {name}"
        suggestion = closest(name, names)
        return "there is no such file", 0, f"did you mean the shipped project {suggestion}?" if suggestion else ""
    file_in_folder = path / f"{path.absolute().name}.yaml"
    if (path / "manifest.json").is_file():
        return "is the folder of a result, not a configuration", 0, f"sim ask {path}, sim report {path}"
    return "is a folder, not a file", 0, f"did you mean {file_in_folder}?" if file_in_folder.is_file() else ""


def read_text(text: str, file: str) -> Document:
    """Read YAML text; ConfigError when it is not YAML. `file` names it in messages."""
    if len(text) > MAX_BYTES:
        raise _refusal(file, f"is larger than {MAX_BYTES // 1000} kB")
    if _has_surrogates(text):
        raise _refusal(file, "is not UTF-8 text")
    reader = _Reader(text, file)
    try:
        reader.read()
    except _Stop as stop:
        document = reader.document
        document.faults.append(stop.fault)
        raise ConfigError(problem_of(fault, document.tree) for fault in document.faults[-MAX_FAULTS:]) from None
    return reader.document


@lru_cache(maxsize=8)
def _read_once(text: str, file: str) -> Document:
    """Return the document of a text, cached: a study reads the same base for each of its projects."""
    return read_text(text, file)


def _copy_of(document: Document) -> Document:
    """Return a copy of a document that may be changed in place."""
    return Document(_plain_copy(document.tree), dict(document.positions), [*document.faults])


def _plain_copy(value: Any) -> Any:
    """Return a deep copy of a tree of mappings and lists; ten times as fast as `deepcopy`."""
    if isinstance(value, dict):
        return {key: _plain_copy(part) for key, part in value.items()}
    return [_plain_copy(part) for part in value] if isinstance(value, list) else value


def _refusal(file: str, message: str, line: int = 0, hint: str = "") -> ConfigError:
    """Return the error of a file that cannot be read at all."""
    return ConfigError([problem_of(Fault((), Position(file, line, 1), NOTHING, message, hint), None)])


class _Stop(Exception):
    """Raised where reading cannot go on, because of a fault."""

    def __init__(self, fault: Fault) -> None:
        """Keep the fault."""
        self.fault = fault


class _Reader:
    """Builds values from the parser's events; nothing is built that the limits do not allow."""

    def __init__(self, text: str, file: str) -> None:
        """Start on a text; `file` names it in positions."""
        self.file = file
        self.document = Document()
        self.events = self._events(text)

    def _events(self, text: str) -> Iterator[yaml.Event]:
        """Yield the parser's events; its errors are raised as faults with a position."""
        try:
            yield from yaml.parse(text, Loader=LOADER)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            lines = text.splitlines()
            has_tab = mark is not None and mark.line < len(lines) and "\t" in lines[mark.line]
            hint = "indent with spaces, not tabs" if has_tab else ""
            message = "is not YAML: " + ", ".join(part for part in (error.context, error.problem) if part)
            raise _Stop(Fault((), self._position(mark), NOTHING, message, hint)) from None
        except yaml.reader.ReaderError as error:
            text_before = text[: error.position]
            position = Position(self.file, text_before.count("\n") + 1, len(text_before) - text_before.rfind("\n"))
            raise _Stop(Fault((), position, NOTHING, "a character that YAML does not allow")) from None

    def read(self) -> None:
        """Read the only document of the text."""
        event = self._next_but(yaml.StreamStartEvent, yaml.DocumentStartEvent)
        self.document.positions[()] = self._position(event.start_mark)
        if isinstance(event, yaml.StreamEndEvent):
            return
        self.document.tree = self._value(event, (), 1)
        event = self._next_but(yaml.DocumentEndEvent)
        if not isinstance(event, yaml.StreamEndEvent):
            message = "a second document: one file holds one"
            raise _Stop(Fault((), self._position(event.start_mark), NOTHING, message))

    def _next_but(self, *kinds: type[yaml.Event]) -> yaml.Event:
        """Return the next event that is of none of these kinds."""
        return next(event for event in self.events if not isinstance(event, kinds))

    def _value(self, event: yaml.Event, address: Address, depth: int) -> Any:
        """Return the value at an address that begins with this event."""
        position = self._position(event.start_mark)
        self.document.positions.setdefault(address, position)
        if isinstance(event, yaml.AliasEvent):
            return self._unread(address, f"*{event.anchor}", "the value written out (no aliases)")
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            self._fault(address, position, NOTHING, _NO_ALIASES)
        if getattr(event, "tag", None) is not None:
            self._fault(address, position, NOTHING, "tags (!) are not read: write plain values")
        if len(self.document.positions) > MAX_VALUES:
            message = f"is the {MAX_VALUES}th value: put long tables into CSV files"
            raise _Stop(Fault(address[:8], position, NOTHING, message))
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, address)
        if depth > MAX_DEPTH:
            raise _Stop(Fault(address[:8], position, NOTHING, f"is nested deeper than {MAX_DEPTH} levels"))
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(address, depth)
        return self._mapping(address, depth)

    def _list(self, address: Address, depth: int) -> list[Any]:
        """Return the elements of a list up to its end."""
        values: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            values.append(self._value(event, (*address, len(values)), depth + 1))
        return values

    def _mapping(self, address: Address, depth: int) -> dict[str, Any]:
        """Return the entries of a mapping up to its end; a refused key is left out with its value."""
        values: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._key(event, address, values)
            value_event = next(self.events)
            if key is None:
                self._skip(value_event)
                continue
            self.document.positions[(*address, key)] = self._position(event.start_mark)
            values[key] = self._value(value_event, (*address, key), depth + 1)
        return values

    def _key(self, event: yaml.Event, address: Address, values: dict[str, Any]) -> str | None:
        """Return the text of a key; None, with its fault noted, for one that is refused. `values` are the entries so far."""
        position = self._position(event.start_mark)
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None or event.anchor is not None:
            self._fault(address, position, NOTHING, "a key must be a plain word")
            self._skip(event)
            return None
        key = str(event.value)
        if key == "<<" and event.implicit[0]:
            self._fault((*address, key), position, NOTHING, _NO_ALIASES)
            return None
        if key in values:
            line = self.document.positions[(*address, key)].line
            self._fault((*address, key), position, NOTHING, f"is written twice here, first on line {line}")
            return None
        if _has_surrogates(key) or CONTROL.search(key):
            self._fault(address, position, NOTHING, "a key with characters that are not text")
            return None
        return key

    def _skip(self, event: yaml.Event) -> None:
        """Read past a value without building it."""
        open_levels = int(isinstance(event, yaml.CollectionStartEvent))
        while open_levels:
            event = next(self.events)
            open_levels += isinstance(event, yaml.CollectionStartEvent)
            open_levels -= isinstance(event, yaml.CollectionEndEvent)

    def _scalar(self, event: yaml.ScalarEvent, address: Address) -> Any:
        """Return a scalar by the core schema of YAML 1.2; quoted and block scalars are text."""
        text = str(event.value)
        if _has_surrogates(text):
            return self._unread(address, ascii(text), "text with characters that exist")
        if CONTROL.search(text):
            return self._unread(address, ascii(text), "text without control characters, which a terminal would obey")
        if not event.implicit[0]:
            return text
        if text in _NULL:
            return None
        if text in _TRUTH:
            return _TRUTH[text]
        return self._number_or_text(text, address)

    def _number_or_text(self, text: str, address: Address) -> Any:
        """Return a plain scalar as a number, or else as text; one that is not clearly either is refused."""
        if _NOT_FINITE.fullmatch(text):
            return self._unread(address, text, "a finite number")
        if _LEADING_ZERO.fullmatch(text):
            return self._unread(address, text, "a number without leading zeros, or text in quotes")
        is_integer = _INTEGER.fullmatch(text) or _BASED.fullmatch(text)
        if not is_integer and not _FLOAT.fullmatch(text):
            return text
        if len(text) > MAX_DIGITS:
            return self._unread(address, text, f"a number of at most {MAX_DIGITS} characters")
        number = int(text, 0) if is_integer else float(text)
        if abs(number) > 2**63 - 1 if is_integer else not math.isfinite(number):
            return self._unread(address, text, "a number the computer can hold")
        return number

    def _unread(self, address: Address, text: str, message: str) -> Unread:
        """Note the fault of a value that is refused, and return its text as a placeholder."""
        self._fault(address, self.document.positions[address], Unread(text), message)
        return Unread(text)

    def _fault(self, address: Address, position: Position, value: object, message: str) -> None:
        """Note a fault; stop reading after as many as are reported."""
        fault = Fault(address, position, value, message)
        if len(self.document.faults) >= MAX_FAULTS:
            raise _Stop(fault)
        self.document.faults.append(fault)

    def _position(self, mark: Any) -> Position:
        """Return the position of a parser's mark, counted from 1."""
        return Position(self.file, mark.line + 1, mark.column + 1) if mark else Position(self.file, 1, 1)


def _has_surrogates(text: str) -> bool:
    """Return whether a text holds half a character (an escaped surrogate), with which no file could be written."""
    return not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)
