"""Units in which numbers are shown: those of the SI or of the United States, and a currency with its rate.

Everything is simulated, stored and compared in dollars and in the unit of its field, so that `display` changes no number
of a result. Texts and figures are converted when they are made: a function that shows a result is decorated with
`in_display_units`, and code that writes an amount calls `display()`. Columns and keys that end in `_usd` always hold dollars.
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
from sim.errors import NOTHING, Mistake, Refused

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
            raise Refused([Mistake(("per_usd",), self.per_usd.value, "1, or none, where the currency is USD")])
        if self.currency != DOLLAR and self.per_usd is None:
            raise Refused([Mistake(("per_usd",), NOTHING, f"how much {self.currency} one dollar is, such as 0.92")])
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
        si_name = "°C" if name == "°F" else SI[name][0] if name in SI else name
        return (si_name if self.units == "si" else name).replace("$", self.sign.strip())

    def value(self, number: float, unit: str) -> float:
        """Return a number of a field in the unit that is shown, to six figures where it is converted.

        >>> Display(units="si").value(100, "ft"), Display(units="si").value(50, "°F"), Display().value(100, "ft")
        (30.48, 10.0, 100)
        """
        converted = number
        if self.units == "si" and unit == "°F":
            converted = (number - 32) * 5 / 9
        elif self.units == "si" and unit in SI:
            converted = number * SI[unit][1]
        if "$" in unit:
            converted *= self.rate
        return number if converted == number else float(f"{converted:.6g}")


# --- in force while something is shown --------------------------------------------------------------------------------


_IN_FORCE: ContextVar[Display] = ContextVar("display")
_PLAIN = Display()
P = ParamSpec("P")
R = TypeVar("R")


def display() -> Display:
    """Return the display in force in this context: dollars and units of the United States by default."""
    return _IN_FORCE.get(_PLAIN)


@contextmanager
def shown_as(units: Display | None) -> Iterator[None]:
    """Within this context, show everything in these units and this currency; None changes nothing."""
    token = _IN_FORCE.set(display() if units is None else units)
    try:
        yield
    finally:
        _IN_FORCE.reset(token)


def in_display_units(show: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function that shows its first argument (a result, study, case): it uses that project's display units."""

    @wraps(show)
    def with_its_units(*args: P.args, **kwargs: P.kwargs) -> R:
        with shown_as(display_of(args[0])):
            return show(*args, **kwargs)

    return with_its_units


def kept_display(write: Callable[P, R]) -> Callable[P, R]:
    """Return `write` bound to the display units in force now, for functions called later, such as tick formatters."""
    current_display = display()

    @wraps(write)
    def with_units_of_now(*args: P.args, **kwargs: P.kwargs) -> R:
        with shown_as(current_display):
            return write(*args, **kwargs)

    return with_units_of_now


def display_of(subject: Any) -> Display | None:
    """Return the display units of a result, a view of one, a study, a case or a group of results; None if it has none.

    A group of several projects has the first one's: numbers side by side are in one unit.
    """
    if isinstance(subject, Mapping | list | tuple):
        members = subject.values() if isinstance(subject, Mapping) else subject
        return next((display_of(member) for member in members), None)
    project = getattr(subject, "project", None)
    if project is not None:
        project_display: Display = project.display
        return project_display
    for attribute in ("results", "result", "source"):
        part = getattr(subject, attribute, None)
        if part is not None:
            return display_of(part)
    manifest = getattr(subject, "manifest", {})
    stored = manifest.get("config", manifest).get("display")  # a study has it at the top of its manifest
    return None if stored is None else Display.model_validate(stored)
