"""Public holidays: days on which a country or state does not work."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from functools import lru_cache


def dates(country: str, subdivision: str | None, years: Iterable[int], names: Collection[str] = ()) -> tuple[date, ...]:
    """List public holidays of a country (ISO code, like US) and subdivision (like TX), in order; or some, by name.

    Where a holiday on a weekend is made up for on another day, both are holidays. An unknown country or
    subdivision is a ValueError. The dates depend on the library's version, so a result keeps those it used.
    """
    wanted = set(names)
    days = _named(country, subdivision, tuple(years))
    return tuple(day for day, name in days if not names or wanted & set(name.split("; ")))


@lru_cache(maxsize=64)
def _named(country: str, subdivision: str | None, years: tuple[int, ...]) -> tuple[tuple[date, str], ...]:
    """Return all holidays of those years with their names, in order; several on one day are named together."""
    import holidays

    try:
        days = holidays.country_holidays(country, subdiv=subdivision, years=years, observed=True)
    except NotImplementedError as unknown:
        raise ValueError(f"no holidays are known for {country} {subdivision or ''}".rstrip()) from unknown
    return tuple(sorted(days.items()))
