"""A working week: weekdays, hours of a day, and the public holidays on which nobody works."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date as calendar_date
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from sim.config.sections.estimates import Section, Sourced
from sim.errors import NOTHING, Mistake, Refused, did_you_mean

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


def _clock(text: str) -> str:
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00", text):
        raise ValueError('a time of day in quotes such as "07:00"')
    return text


Clock = Annotated[str, AfterValidator(_clock)]


class ClockSpan(Section):
    """From one clock time to another; one that ends before it starts runs past midnight."""

    start: Clock = Field(description="Clock time at which it begins")
    end: Clock = Field(description="Clock time at which it ends")


class Holidays(Section):
    """Public holidays, taken from the `holidays` library; observed days count."""

    country: str = Field(pattern="^[A-Z]{2}$", description="ISO 3166 code, such as US")
    subdivision: str | None = Field(
        default=None, pattern="^[A-Z0-9]{1,3}$", description="State or province, such as TX"
    )

    @model_validator(mode="after")
    def _known_to_the_library(self) -> Self:
        """Refuse a country or a subdivision of which no holidays are known."""
        if self.holiday_names(2026):
            return self
        import holidays

        all_countries = holidays.list_supported_countries()
        subdivisions = {code: parts for code, parts in all_countries.items() if len(code) == 2}
        if self.country not in subdivisions:
            expected = "a country whose public holidays are known, by its code such as US, DE, GB or IN"
            raise Refused([Mistake(("country",), self.country, expected, did_you_mean(self.country, subdivisions))])
        expected = f"a part of {self.country} whose public holidays are known"
        hint = did_you_mean(self.subdivision or "", subdivisions[self.country])
        raise Refused([Mistake(("subdivision",), self.subdivision or "", expected, hint)])

    def holiday_names(self, *years: int) -> frozenset[str]:
        """Return the names of the holidays in some years; none where country or subdivision are unknown."""
        return _holiday_names(self.country, self.subdivision, years)


@cache  # asked for anew with every copy of a working week, of which crew planning makes a hundred
def _holiday_names(country: str, subdivision: str | None, years: tuple[int, ...]) -> frozenset[str]:
    """Return the names of the holidays of a country in some years; none where it or its part is unknown."""
    try:
        by_date = holidays_by_date(country, subdivision, years)
    except NotImplementedError:
        return frozenset()
    return frozenset(name for names in by_date.values() for name in names.split("; "))


def holidays_by_date(country: str, subdivision: str | None, years: tuple[int, ...]) -> Mapping[calendar_date, str]:
    """Return the public holidays of some years, observed days too; NotImplementedError where none are known."""
    import holidays

    with _one_country_imported(Path(str(holidays.__file__)).parent):
        return dict(holidays.country_holidays(country, subdiv=subdivision, years=years, observed=True))


@contextmanager
def _one_country_imported(library: Path) -> Iterator[None]:
    """Within this context, `holidays` imports only the country it is asked for, not all two hundred (0.17 s)."""
    name = "holidays.countries"
    if name in sys.modules:
        yield
        return
    package = ModuleType(name)
    package.__path__ = [str(library / "countries")]
    sys.modules[name] = package
    try:
        yield
    finally:
        # a later import of the package gets the real one, with the country that is imported already
        del sys.modules[name]
        with suppress(AttributeError):
            del sys.modules["holidays"].countries


class Calendar(Sourced):
    """A working week."""

    days: tuple[Weekday, ...] = Field(min_length=1, description="Working days of the week")
    shifts: tuple[ClockSpan, ...] = Field(min_length=1, description="Shifts of a working day")
    breaks: tuple[ClockSpan, ...] = Field(default=(), description="Unpaid breaks, not worked")
    holidays: Holidays | None = Field(default=None, description="Days without work")


class OtherDay(Section):
    """A date with other working times than its weekday."""

    date: calendar_date = Field(description="The date")
    hours: tuple[ClockSpan, ...] = Field(min_length=1, description="Working times on it")


class NamedCalendar(Sourced):
    """A calendar that steps name, as planners' tools keep them: hours by weekday, and the dates that differ."""

    hours: dict[Weekday, tuple[ClockSpan, ...]] = Field(
        min_length=1, description="Working times by weekday; on weekdays left out nobody works"
    )
    off: tuple[calendar_date, ...] = Field(default=(), max_length=20_000, description="Dates without work")
    other: tuple[OtherDay, ...] = Field(default=(), max_length=20_000, description="Dates with other working times")

    @model_validator(mode="after")
    def _works(self) -> Self:
        """Refuse a week in which nobody works."""
        if not any(self.hours.values()):
            raise Refused([Mistake(("hours",), NOTHING, "a weekday with working times")])
        return self

    def on(self, day: calendar_date) -> tuple[tuple[int, int], ...]:
        """Return the working times of a date in minutes from its midnight; one may end on the next day."""
        if day in self._off:
            return ()
        return _minutes(self._other.get(day) or self.hours.get(WEEKDAYS[day.weekday()], ()))

    @property
    def day_minutes(self) -> float:
        """Return the minutes of a working day, mean over the week: what a duration in days is counted in."""
        days = [sum(end - begin for begin, end in _minutes(spans)) for spans in self.hours.values() if spans]
        return sum(days) / len(days)

    @cached_property
    def _off(self) -> frozenset[calendar_date]:
        return frozenset(self.off)

    @cached_property
    def _other(self) -> dict[calendar_date, tuple[ClockSpan, ...]]:
        return {day.date: day.hours for day in self.other}


def _minutes(spans: tuple[ClockSpan, ...]) -> tuple[tuple[int, int], ...]:
    """Return clock times as minutes from midnight."""
    pairs = [(_minute(span.start), _minute(span.end)) for span in spans]
    return tuple((begin, end if end > begin else end + 1440) for begin, end in pairs)


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return 60 * int(hours) + int(minutes)
