"""Base of all sections: closed, frozen, read without conversions, with unit and range on every number.

A number out of its range gets a hint if it fits in another unit (kW for MW, minutes for hours).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from sim.errors import Mistake, Refused

NAME_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"

_LITERAL_TYPES = {"int", "float", "bool"}
_WRITTEN_TYPES = {"date", "time", "datetime"}
_NOT_VALUES = {"keys_schema", "metadata", "config", "default", "expected", "serialization"}
_RESERVED_NAME = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def _make_literal(node: Any, owner: type[BaseModel]) -> None:
    """Switch off pydantic's conversions of values ("3" to 3) in a core schema, in place; nested sections did so before."""
    if isinstance(node, list | tuple):
        for child in node:
            _make_literal(child, owner)
    if not isinstance(node, dict) or "type" not in node:
        return
    schema_type = node["type"]
    if schema_type in _LITERAL_TYPES:
        node["strict"] = True
    elif schema_type in _WRITTEN_TYPES:
        original = dict(node)
        node.clear()
        node.update(core_schema.no_info_before_validator_function(_require_text, original))
    else:
        _make_literal(_value_schemas(node, owner), owner)


def _value_schemas(node: dict[str, Any], owner: type[BaseModel]) -> list[Any]:
    """Return the schemas of the values within a core schema node; none within nested sections and finished dates."""
    if node["type"] in ("model-fields", "tagged-union"):
        return list(node["fields" if "fields" in node else "choices"].values())
    if node["type"] == "model" and node["cls"] is not owner:
        return []
    if node["type"] == "function-before" and node["function"]["function"] is _require_text:
        return []
    return [child for key, child in node.items() if key not in _NOT_VALUES]


def _require_text(value: object) -> object:
    """Refuse a number where a date or a time of day is meant (it would be read as seconds since 1970)."""
    if isinstance(value, date | time) or (isinstance(value, str) and not value.strip().isdigit()):
        return value
    raise ValueError("a date like 2026-11-23, or a time like 07:30")


class Section(BaseModel):
    """Base of every part of a configuration: an unknown key is an error and nothing is converted silently.

    A text is not a number, `true` is not 1, a number is not a date, NaN and infinity are refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler, /) -> CoreSchema:
        """Let pydantic build the validator, then make its scalars literal."""
        schema = handler(source)
        # a section that is complete was made literal when it was built; others that contain it ask for its schema again
        if not cls.__dict__.get("__pydantic_complete__", False):
            _make_literal(schema, cls)
        return schema


def _portable(name: str) -> str:
    """Refuse names that no file can have on some system."""
    if set(name) == {"."} or _RESERVED_NAME.fullmatch(name):
        raise ValueError("another name: this one cannot be a file name everywhere")
    return name


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN), AfterValidator(_portable)]
"""A name that is safe as a file name, a column and a command-line word."""


@dataclass(frozen=True)
class Unit:
    """Marks a number with its unit: `Annotated[Estimate, Unit("h")]`."""

    name: str

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the unit to the schema of the number."""
        return {**_extensible(handler(schema)), "x-unit": self.name}


class OutOfRange(Mistake):
    """A number outside its field's bounds; the loader adds the unit, which the bounds do not know."""


@dataclass(frozen=True)
class Bounds:
    """The range every number in a field must lie in, ends included (`above=True`: the low end excluded)."""

    low: float | None = None
    high: float | None = None
    above: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check the range after the field's own validation."""
        return core_schema.no_info_after_validator_function(self.checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Write the range as minimum and maximum, for a bare number and for the numbers in a mapping."""
        low_word = "exclusiveMinimum" if self.above else "minimum"
        ends = {low_word: self.low, "maximum": self.high}
        limits = {word: end for word, end in ends.items() if end is not None}
        extended = _extensible(handler(schema))
        if "allOf" in extended or "anyOf" in extended:
            extended["patternProperties"] = {
                "^(value|low|mode|high|median|p90)$": dict(limits),
                "^values$": {"items": dict(limits)},
            }
        return {**extended, **limits}

    def checked(self, value: Any) -> Any:
        """Return the value as it is; raise Refused with every number that lies outside."""
        if type(value) in (float, int) and self.holds(value):
            return value
        outside = [OutOfRange(path, x, self.describe()) for path, x in numbers_in(value) if not self.holds(x)]
        if outside:
            raise Refused(outside)
        return value

    def holds(self, number: float) -> bool:
        """Return whether a number lies in the range; NaN never does."""
        if math.isnan(number) or (self.high is not None and number > self.high):
            return False
        return self.low is None or (number > self.low if self.above else number >= self.low)

    def describe(self) -> str:
        """Return the range as text: `1 to 50`, `at least 1`, `more than 0 and at most 1`."""
        if self.low is None:
            return "any number" if self.high is None else f"at most {self.high:g}"
        if self.above:
            return f"more than {self.low:g}" + ("" if self.high is None else f" and at most {self.high:g}")
        return f"at least {self.low:g}" if self.high is None else f"{self.low:g} to {self.high:g}"


def numbers_in(value: Any) -> Iterator[tuple[tuple[str | int, ...], float]]:
    """Yield (path, number) for every number in a value: a number, a sequence, a mapping, or an estimate."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield (), value
        return
    parts: list[tuple[str | int, Any]] = []
    if hasattr(value, "numbers"):
        parts = list(value.numbers().items())
    elif isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, list | tuple):
        parts = list(enumerate(value))
    for key, part in parts:
        for path, number in numbers_in(part):
            yield (key, *path), number


def _extensible(schema: JsonSchemaValue) -> JsonSchemaValue:
    """Return a schema to which keywords can be added: editors on draft 7 ignore keywords next to a bare $ref."""
    return {"allOf": [schema]} if "$ref" in schema else dict(schema)


# --- units that are easily mistaken for each other --------------------------------------------------------------------


# A number typed in the unit on the right is that many times too large.
_LIKELY_UNITS: dict[str, tuple[tuple[str, float], ...]] = {
    "MW": (("kW", 1_000), ("W", 1_000_000)),
    "h": (("min", 60), ("s", 3_600)),
    "min": (("s", 60),),
    "days": (("h", 24), ("min", 1_440)),
    "working days": (("h", 8), ("min", 480)),
    "weeks": (("days", 7), ("h", 168)),
    "months": (("days", 30), ("weeks", 4.35)),
    "years": (("months", 12), ("days", 365.25)),
    "ft": (("in", 12),),
    "in": (("mm", 25.4),),
    "miles": (("ft", 5_280),),
    "mph": (("ft/min", 88),),
    "share": (("%", 100),),
    "probability": (("%", 100),),
    "correlation": (("%", 100),),
    "×": (("%", 100),),
    "sq ft": (("sq in", 144),),
}


def unit_hint(number: object, unit: str, bounds: Bounds | None) -> str:
    """Return a hint that a number out of range was perhaps typed in another unit; empty where none fits."""
    if not isinstance(number, int | float) or isinstance(number, bool) or bounds is None or number <= 0:
        return ""
    for other, factor in _LIKELY_UNITS.get(unit, ()):
        if bounds.holds(number / factor):
            return f"{number:.10g} {other} are {number / factor:.4g} {unit}; write that if it was meant"
    return ""
