"""When people work: days of the week, shifts, holidays."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sim.config.estimates import Section, Sourced

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _clock(text: str) -> str:
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00", text):
        raise ValueError('a time of day in quotes such as "07:00"')
    return text


Clock = Annotated[str, AfterValidator(_clock)]


class Stretch(Section):
    """From one clock time to another; one that ends before it starts runs past midnight."""

    start: Clock = Field(description="Clock time at which it begins")
    end: Clock = Field(description="Clock time at which it ends")


class Holidays(Section):
    """Public holidays, taken from the `holidays` library; observed days count."""

    country: str = Field(pattern="^[A-Z]{2}$", description="ISO 3166 code, such as US")
    subdivision: str | None = Field(
        default=None, pattern="^[A-Z0-9]{1,3}$", description="State or province, such as TX"
    )


class Calendar(Sourced):
    """A working week."""

    days: tuple[Weekday, ...] = Field(min_length=1, description="Working days of the week")
    shifts: tuple[Stretch, ...] = Field(min_length=1, description="Shifts of a working day")
    breaks: tuple[Stretch, ...] = Field(default=(), description="Unpaid breaks, not worked")
    holidays: Holidays | None = Field(default=None, description="Days on which nobody works")


class Calendars(Section):
    """Who works when."""

    site: Calendar = Field(description="Everyone on site")
    factory: Calendar = Field(description="Factories")
    gate: Calendar = Field(description="Site gate and unloading")
