"""Estimates and figures: how assumed numbers are written in a file, with their source, unit and range.

An `Estimate` is uncertain and is drawn anew in every replication; a `Figure` is a constant. The quantities at the end
(`Hours`, `Megawatts`, …) are the two with a unit and the range in which they make sense.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date as calendar_date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from sim.config.sections.base import Bounds, Name, Section, Unit
from sim.errors import Mistake, Refused

__all__ = ["Bounds", "Estimate", "Figure", "Name", "Section", "Sourced", "Unit", "states_an_estimate"]

Shape = Literal["fixed", "uniform", "pert", "triangular", "lognormal", "discrete"]

_SHAPES: dict[frozenset[str], tuple[Shape, ...]] = {
    frozenset({"value"}): ("fixed",),
    frozenset({"low", "high"}): ("uniform",),
    frozenset({"low", "mode", "high"}): ("pert", "triangular"),
    frozenset({"median", "p90"}): ("lognormal",),
    frozenset({"values", "weights"}): ("discrete",),
    frozenset({"values"}): ("discrete",),
}
_NUMBERS = ("value", "low", "mode", "high", "median", "p90", "values", "weights")
_PROVENANCE = ("source", "date", "confidence", "note")
MAX_SKEW = 20
"""Times the median that a lognormal's P90 may be: the largest of 2^53 draws is then 10^8 medians, beyond which minutes
do not fit into 64 bits. Published durations of construction stay below 4 (assumption: nobody states more than 20)."""
_FORMS = "a number, or one of {value}, {low, high}, {low, mode, high}, {median, p90}, {values, weights}"


def _as_text(value: object) -> object:
    """Return a bare year is written without quotes; it is meant as text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _some_date(text: str) -> str:
    """Return the text if it is a year, a month or a day that exists; ValueError otherwise."""
    if not re.fullmatch(r"[0-9]{4}(-[0-9]{2}){0,2}", text):
        raise ValueError("a year, month or day like 2026, 2026-11 or 2026-11-23")
    try:
        calendar_date.fromisoformat(text + "-01-01"[len(text) - 4 :])
    except ValueError:
        raise ValueError("a day that exists in the calendar") from None
    return text


class Sourced(Section):
    """Source, date and confidence: A from its origin, B second hand or derived, C a guess."""

    source: str | None = None
    date: Annotated[str, BeforeValidator(_as_text), AfterValidator(_some_date)] | None = None
    confidence: Literal["A", "B", "C"] | None = None
    note: str | None = None

    @model_serializer(mode="wrap")
    def _only_what_is_stated(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what was not written."""
        return {key: value for key, value in handler(self).items() if value is not None}


class Estimate(Sourced):
    """An uncertain number: bare, or uniform, PERT, triangular, lognormal from median and P90, or discrete.

    `shape` is always set after loading; the numbers of the other shapes are None; `weights` sum to one.
    """

    shape: Shape = "fixed"
    value: float | None = None
    low: float | None = None
    mode: float | None = None
    high: float | None = None
    median: float | None = None
    p90: float | None = None
    values: tuple[float, ...] | None = None
    weights: tuple[float, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_form(cls, value: object) -> object:
        """Fill in the distribution shape that the keys imply; Refused when they fit no shape or not the `shape` given."""
        if _is_number(value):
            return {"shape": "fixed", "value": value}
        if isinstance(value, Estimate):
            return value
        if not isinstance(value, Mapping):
            raise Refused([Mistake((), value, _FORMS)])
        fields = {key: entry for key, entry in value.items() if entry is not None}
        shapes = _SHAPES.get(frozenset(fields) & frozenset(_NUMBERS))
        if shapes is None:
            raise Refused([Mistake((), value, _FORMS)])
        if fields.get("shape", shapes[0]) not in shapes:
            allowed_shapes = " or ".join(shapes)
            raise Refused([Mistake(("shape",), fields["shape"], f"{allowed_shapes}, to fit its numbers")])
        if "values" in fields and "weights" not in fields and isinstance(fields["values"], list | tuple):
            fields["weights"] = [1] * len(fields["values"])
        return {"shape": shapes[0], **fields}

    @field_validator("weights")
    @classmethod
    def _sum_to_one(cls, weights: tuple[float, ...] | None) -> tuple[float, ...] | None:
        """Return probabilities proportional to the weights; Refused for a negative weight or where all are zero."""
        if weights is None:
            return None
        negative = [Mistake((i,), w, "a weight of at least 0") for i, w in enumerate(weights) if w < 0]
        total = math.fsum(weights)
        if negative or not 0 < total < math.inf:
            raise Refused(negative or [Mistake((), weights, "weights with a sum above 0")])
        # weights that already sum to one stay as they are, so that a written file reads back to the same bits
        return weights if abs(total - 1) < 1e-12 else tuple(w / total for w in weights)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        """Refuse low, mode and high out of order, a median below 0 or above P90, and other than one weight per value."""
        pairs = [("low", "high")] if self.mode is None else [("low", "mode"), ("mode", "high")]
        findings = [
            Mistake((upper,), getattr(self, upper), f"at least {lower} ({getattr(self, lower):g})")
            for lower, upper in [*pairs, ("median", "p90")]
            if _falls(getattr(self, lower), getattr(self, upper))
        ]
        if self.median is not None and self.median <= 0:
            findings.append(Mistake(("median",), self.median, "more than 0, because a lognormal is positive"))
        elif self.median is not None and self.p90 is not None and self.p90 > MAX_SKEW * self.median:
            expected = f"at most {MAX_SKEW} times the median ({self.median:g})"
            findings.append(Mistake(("p90",), self.p90, expected, "a longer tail has draws that no calendar holds"))
        count = len(self.values or ())
        if self.weights is not None and len(self.weights) != count:
            findings.append(Mistake(("weights",), self.weights, f"one weight for each of {count} values"))
        if findings:
            raise Refused(findings)
        return self

    @property
    def planned(self) -> float:
        """Return the planner's number: mode of a three-point estimate, median, most likely value, or middle of a uniform."""
        if self.values is not None and self.weights is not None:
            return self.values[self.weights.index(max(self.weights))]
        if self.shape == "uniform" and self.low is not None and self.high is not None:
            return self.low + (self.high - self.low) / 2
        return next(x for x in (self.value, self.mode, self.median) if x is not None)

    def numbers(self) -> dict[str, object]:
        """Return the numbers that must lie within a field's bounds, by key (weights are not of that unit)."""
        return {key: getattr(self, key) for key in _NUMBERS[:-1] if getattr(self, key) is not None}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> JsonSchemaValue:
        """Return a number or a mapping, so that editors complete both."""
        return _number_or_mapping(handler(schema), handler)


class Figure(Sourced):
    """A constant with its origin; `low` and `high` document the range it was chosen from, never drawn."""

    value: float
    low: float | None = None
    high: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare_number(cls, value: object) -> object:
        """Read a bare number as {value: number}; Refused for what is neither number nor mapping."""
        if _is_number(value):
            return {"value": value}
        if not isinstance(value, Mapping | Figure):
            raise Refused([Mistake((), value, "a number, or {value, source, …}")])
        return value

    @model_validator(mode="after")
    def _within_its_range(self) -> Self:
        """Refuse a value outside its own `low` and `high`."""
        if _falls(self.low, self.value) or _falls(self.value, self.high) or _falls(self.low, self.high):
            raise Refused([Mistake(("value",), self.value, "between its own low and high")])
        return self

    @property
    def planned(self) -> float:
        """Return the same word as for an estimate: the value."""
        return self.value

    def numbers(self) -> dict[str, object]:
        """Return the numbers that must lie within a field's bounds, by key."""
        return {key: getattr(self, key) for key in ("value", "low", "high") if getattr(self, key) is not None}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> JsonSchemaValue:
        """Return a number or a mapping, so that editors complete both."""
        return _number_or_mapping(handler(schema), handler)


def states_an_estimate(tree: object) -> bool:
    """Return whether a mapping is a complete estimate or figure: when files are merged, it replaces another as a whole."""
    if not isinstance(tree, Mapping) or not set(tree) <= {*_NUMBERS, *_PROVENANCE, "shape"}:
        return False
    return "value" in tree or frozenset(tree) & frozenset(_NUMBERS) in _SHAPES


def _is_number(value: object) -> bool:
    """Return whether this is a number as written in a file; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _falls(first: float | None, second: float | None) -> bool:
    """Return whether two stated numbers stand in the wrong order."""
    return first is not None and second is not None and not first <= second


def _number_or_mapping(reference: JsonSchemaValue, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
    """Let a model's JSON schema accept a bare number as well, in place; return the reference to the schema."""
    schema = handler.resolve_ref_schema(reference)
    if "anyOf" not in schema:
        mapping_keys = ("type", "properties", "additionalProperties")
        mapping = {key: schema.pop(key) for key in mapping_keys if key in schema}
        schema.pop("required", None)
        schema["anyOf"] = [{"type": "number"}, mapping]
    return reference


# --- quantities: a unit and a range -----------------------------------------------------------------------------------


Hours = Annotated[Estimate, Unit("h"), Bounds(0, 200_000)]
PersonHours = Annotated[Estimate, Unit("person-hours"), Bounds(0, 200_000)]
WorkingDays = Annotated[Estimate, Unit("working days"), Bounds(0, 2_000)]
CalendarDays = Annotated[Estimate, Unit("days"), Bounds(0, 3_650)]
Weeks = Annotated[Estimate, Unit("weeks"), Bounds(0, 520)]
Factor = Annotated[Estimate, Unit("×"), Bounds(0, 20)]

Probability = Annotated[Figure, Unit("probability"), Bounds(0, 1)]
Share = Annotated[Figure, Unit("share"), Bounds(0, 1)]
Ratio = Annotated[Figure, Unit("×"), Bounds(0, 100)]
Count = Annotated[Figure, Unit("number"), Bounds(0, 100_000)]
People = Annotated[Figure, Unit("people"), Bounds(0, 20_000)]
Megawatts = Annotated[Figure, Unit("MW"), Bounds(0, 20_000)]
Days = Annotated[Figure, Unit("days"), Bounds(0, 3_650)]
WeekNumber = Annotated[Figure, Unit("weeks"), Bounds(0, 520)]
Miles = Annotated[Figure, Unit("miles"), Bounds(0, 5_000)]
MilesPerHour = Annotated[Figure, Unit("mph"), Bounds(1, 80)]
SquareFeet = Annotated[Figure, Unit("sq ft"), Bounds(0, 100_000_000)]
Feet = Annotated[Figure, Unit("ft"), Bounds(0.1, 250)]
Pounds = Annotated[Figure, Unit("lb"), Bounds(1, 2_000_000)]
Dollars = Annotated[Estimate, Unit("$"), Bounds(0, 100_000_000_000)]
DollarsPerHour = Annotated[Figure, Unit("$/h"), Bounds(0, 1_000)]
PercentPerYear = Annotated[Figure, Unit("%/year"), Bounds(0, 100)]

Lot = Literal["order", "hall"] | Annotated[int, Unit("blocks"), Bounds(1, 1_000)]
"""What is bought at once and has one lead time: all of an order, all for a hall, or so many blocks."""
BlocksPerWeek = Annotated[Figure, Unit("blocks/week"), Bounds(0, 1_000, above=True)]
