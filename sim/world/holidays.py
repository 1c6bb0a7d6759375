"""Public holidays: days on which a country or state does not work."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date


def dates(country: str, subdivision: str | None, years: Iterable[int], names: Collection[str] = ()) -> tuple[date, ...]:
    """List public holidays of a country (ISO code, like US) and subdivision (like TX), in order; or some, by name.

    Where a holiday on a weekend is made up for on another day, both are holidays. An unknown country or
    subdivision is a ValueError. The dates depend on the library's version, so a result keeps those it used.
    """
    import holidays

    try:
        days = holidays.country_holidays(country, subdiv=subdivision, years=years, observed=True)
    except NotImplementedError as unknown:
        raise ValueError(f"no holidays are known for {country} {subdivision or ''}".rstrip()) from unknown
    wanted = set(names)
    return tuple(sorted(day for day, name in days.items() if not names or wanted & set(name.split("; "))))
