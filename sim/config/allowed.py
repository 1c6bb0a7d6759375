"""What the models allow at an address: the fields of a section, the unit and range of a number."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sim.config.positions import Address
from sim.config.section import Bounds, Unit


@dataclass(frozen=True)
class Allowed:
    """The types that may stand at an address, and what is said about the number there."""

    types: tuple[Any, ...]
    unit: str = ""
    bounds: Bounds | None = None
    description: str = ""

    def fields(self) -> dict[str, FieldInfo]:
        """The fields of the section at this address; empty for free keys and plain values."""
        sections = [kind for kind in self.types if _is_section(kind)]
        return {field.alias or name: field for kind in sections for name, field in kind.model_fields.items()}

    def measure(self) -> str:
        """Range and unit to be read aloud, `1 to 50 lines`; empty where neither is stated."""
        words = self.bounds.words() if self.bounds else ""
        return " ".join(part for part in (words, self.unit) if part)


def allowed_at(model: type[BaseModel], address: Address) -> Allowed:
    """What may stand at an address of a model; no types where nothing may."""
    here = Allowed((model,))
    for key in address:
        here = _below(here, key)
    return here


def _below(here: Allowed, key: str | int) -> Allowed:
    """One step down: into a field, a mapping's value or a list's element."""
    field = here.fields().get(str(key))
    if field is not None:
        inside = any(hasattr(kind, "numbers") for kind in here.types)
        above = here if inside else Allowed(())
        found = _described(field.annotation, field.metadata, above)
        return Allowed(found.types, found.unit, found.bounds, field.description or "")
    elements = [element for kind in here.types for element in _elements(kind)]
    return _described(Union[tuple(elements)], (), here) if elements else Allowed(())  # noqa: UP007 (built at run time)


def _described(annotation: Any, marks: Iterable[Any], above: Allowed) -> Allowed:
    """The bare types of an annotation, with the marks found on it or inherited from the number around it."""
    types: list[Any] = []
    found = list(marks)
    for kind, own_marks in _bare(annotation):
        types.append(kind)
        found += own_marks
    unit = next((mark.name for mark in found if isinstance(mark, Unit)), above.unit)
    bounds = next((mark for mark in found if isinstance(mark, Bounds)), _plain_bounds(found) or above.bounds)
    return Allowed(tuple(types), unit, bounds, above.description)


def _plain_bounds(marks: Iterable[Any]) -> Bounds | None:
    """The range stated by pydantic's own words (`ge`, `gt`, `le`), if any."""
    ends = {word: getattr(mark, word) for mark in marks for word in ("ge", "gt", "le") if hasattr(mark, word)}
    if not ends:
        return None
    return Bounds(ends.get("ge", ends.get("gt")), ends.get("le"), above="gt" in ends)


def _bare(annotation: Any) -> Iterator[tuple[Any, list[Any]]]:
    """The alternatives of an annotation without wrappers, each with its marks."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *marks = get_args(annotation)
        yield from ((kind, [*own, *marks]) for kind, own in _bare(inner))
    elif origin in (Union, UnionType):
        for option in get_args(annotation):
            yield from _bare(option)
    elif annotation is not NoneType:
        yield annotation, []


def _elements(kind: Any) -> list[Any]:
    """The types of what a mapping or a sequence holds."""
    arguments = [argument for argument in get_args(kind) if argument is not ...]
    origin = get_origin(kind)
    if not arguments or not isinstance(origin, type):
        return []
    return arguments[1:] if hasattr(origin, "keys") else arguments


def _is_section(kind: Any) -> bool:
    """Whether a type is a section with fields."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def closest(word: str, options: Iterable[str]) -> str:
    """The option that was probably meant, empty if none comes near."""
    plain = {_plain(option): option for option in sorted(options)}
    near = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    return plain[near[0]] if near else ""


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """A hint for a word that is not known: the nearest option, or all of them if they are few."""
    choice = sorted(set(options))
    near = closest(word, choice)
    if near:
        return f"did you mean {near}?"
    return f"known here: {', '.join(choice)}" if 0 < len(choice) <= 12 else ""


def _plain(word: str) -> str:
    """A word as people mistake it: without case, hyphen or underscore."""
    return word.lower().replace("-", "_").replace("_", " ")
