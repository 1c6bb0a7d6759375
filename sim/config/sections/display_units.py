"""How numbers are shown: units of the SI or of the United States, and a currency with its rate.

Everything is simulated, stored and compared in dollars and in the unit of its field, so that `display` moves no number of
a result. What a person reads is converted on its way out: the function that shows a result runs `in_display_units` of it,
and whoever writes an amount asks `display()`. Names of columns and keys that end in `_usd` always hold dollars.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

from pydantic import Field, StringConstraints, model_validator

from sim.config.sections.base import Bounds, Section, Unit
from sim.config.sections.estimates import Figure
from sim.errors import NOTHING, Finding, Refused

DOLLAR = "USD"
SYMBOLS: Mapping[str, str] = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CNY": "CN¥", "INR": "₹", "KRW": "₩"}
"""Signs that stand before an amount without a blank (Unicode CLDR, narrow or English); other currencies by their code."""
FOOT, MILE, POUND, INCH = 0.3048, 1.609344, 0.45359237, 25.4
"""Metres, kilometres, kilograms and millimetres: exact by definition (NIST SP 811, appendix B)."""
SI: Mapping[str, tuple[str, float]] = {
    "ft": ("m", FOOT),
    "in": ("mm", INCH),
    "miles": ("km", MILE),
    "mph": ("km/h", MILE),
    "lb": ("kg", POUND),
    "sq ft": ("m²", FOOT**2),
    "sq ft/person": ("m²/person", FOOT**2),
    "h/sq ft": ("h/m²", FOOT**-2),
    "$/sq ft": ("$/m²", FOOT**-2),
    "$/mile": ("$/km", 1 / MILE),
}
"""By the unit of a field: the one of the SI that is shown instead, and what one of the field's is in it."""


class Display(Section):
    """Units and currency of what is printed, drawn and exported."""

    units: Literal["us", "si"] = Field(default="us", description="Feet, miles and °F, or metres, kilometres and °C")
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(
        default=DOLLAR,
        description="Code of the currency (ISO 4217) in which money is shown; stated prices are in dollars",
    )
    per_usd: Annotated[Figure, Unit("per $"), Bounds(0.0001, 1_000_000)] | None = Field(
        default=None, description="How much of that currency one dollar is; state where the rate is from"
    )

    @model_validator(mode="after")
    def _a_rate_for_another_currency(self) -> Display:
        """Ask for a rate where the currency is not the dollar, and for none where it is."""
        if self.currency == DOLLAR and self.per_usd is not None and self.per_usd.value != 1:
            raise Refused([Finding(("per_usd",), self.per_usd.value, "1, or none, where the currency is USD")])
        if self.currency != DOLLAR and self.per_usd is None:
            raise Refused([Finding(("per_usd",), NOTHING, f"how much {self.currency} one dollar is, such as 0.92")])
        return self

    @property
    def rate(self) -> float:
        """Return how much of the currency a dollar is."""
        return 1.0 if self.per_usd is None else self.per_usd.value

    @property
    def sign(self) -> str:
        """Return what stands before an amount: `$`, `€`, or the code and a blank that does not break."""
        return SYMBOLS.get(self.currency, f"{self.currency}\N{NO-BREAK SPACE}")

    def unit(self, name: str) -> str:
        """Return the unit that is shown for the unit of a field or a metric.

        >>> Display(units="si", currency="EUR", per_usd=0.92).unit("$/sq ft")
        '€/m²'
        """
        found = "°C" if name == "°F" else SI[name][0] if name in SI else name
        return (found if self.units == "si" else name).replace("$", self.sign.strip())

    def value(self, number: float, unit: str) -> float:
        """Return a number of a field in the unit that is shown, to six figures where it is converted.

        >>> Display(units="si").value(100, "ft"), Display(units="si").value(50, "°F"), Display().value(100, "ft")
        (30.48, 10.0, 100)
        """
        found = number
        if self.units == "si":
            found = (number - 32) * 5 / 9 if unit == "°F" else number * SI[unit][1] if unit in SI else number
        if "$" in unit:
            found *= self.rate
        return number if found == number else float(f"{found:.6g}")


# --- in force while something is shown --------------------------------------------------------------------------------


_IN_FORCE: ContextVar[Display] = ContextVar("display")
_PLAIN = Display()
P = ParamSpec("P")
R = TypeVar("R")


def display() -> Display:
    """Return the display in force: dollars and units of the United States where nothing else was asked for."""
    return _IN_FORCE.get(_PLAIN)


@contextmanager
def shown_as(wanted: Display | None) -> Iterator[None]:
    """Have everything inside shown in these units and this currency; None changes nothing."""
    before = _IN_FORCE.set(display() if wanted is None else wanted)
    try:
        yield
    finally:
        _IN_FORCE.reset(before)


def in_display_units(show: Callable[P, R]) -> Callable[P, R]:
    """Have a function show its first argument (a result, a study, a case) in the units that its project asks for."""

    @wraps(show)
    def shown(*args: P.args, **kwargs: P.kwargs) -> R:
        with shown_as(display_of(args[0])):
            return show(*args, **kwargs)

    return shown


def kept_display(write: Callable[P, R]) -> Callable[P, R]:
    """Have a function that is called later, such as one that writes ticks, show in the display in force now."""
    now = display()

    @wraps(write)
    def shown(*args: P.args, **kwargs: P.kwargs) -> R:
        with shown_as(now):
            return write(*args, **kwargs)

    return shown


def display_of(what: Any) -> Display | None:
    """Return the display that a result, a view of one, a study, a case or a group of results asks for; None if it has none.

    Of several projects it is the first one's: what stands side by side has one unit.
    """
    if isinstance(what, Mapping | list | tuple):
        several = what.values() if isinstance(what, Mapping) else what
        return next((display_of(one) for one in several), None)
    project = getattr(what, "project", None)
    if project is not None:
        found: Display = project.display
        return found
    for inside in ("results", "result", "source"):
        if (below := getattr(what, inside, None)) is not None:
            return display_of(below)
    manifest = getattr(what, "manifest", {})
    stated = manifest.get("config", manifest).get("display")  # a study states it beside its inputs
    return None if stated is None else Display.model_validate(stated)
