"""Holidays known from the law, not from the library."""

from __future__ import annotations

from datetime import date

import pytest

from sim.world.shifts import public_holidays


def test_federal_holidays_of_a_year_with_a_saturday_fourth_of_july() -> None:
    assert public_holidays("US", None, [2026]) == (
        date(2026, 1, 1),
        date(2026, 1, 19),
        date(2026, 2, 16),
        date(2026, 5, 25),
        date(2026, 6, 19),
        date(2026, 7, 3),  # in lieu
        date(2026, 7, 4),
        date(2026, 9, 7),
        date(2026, 10, 12),
        date(2026, 11, 11),
        date(2026, 11, 26),
        date(2026, 12, 25),
    )


def test_states_add_their_own_days() -> None:
    texas = set(public_holidays("US", "TX", [2026, 2027]))
    assert date(2026, 3, 2) in texas  # Independence Day of Texas
    assert set(public_holidays("US", None, [2026])) & {date(2026, 3, 2)} == set()
    assert {day.year for day in texas} == {2026, 2027}


@pytest.mark.parametrize(("country", "subdivision"), [("Atlantis", None), ("US", "Atlantis")])
def test_unknown_places_are_refused(country: str, subdivision: str | None) -> None:
    with pytest.raises(ValueError, match=f"no holidays are known for {country}"):
        public_holidays(country, subdivision, [2026])
