"""What the sections of supply say about each other is checked when a file is loaded, all at once."""

from __future__ import annotations

import pytest

from sim.errors import ConfigError
from tests.tiny_project import tiny


def mistakes(*overrides: str) -> str:
    with pytest.raises(ConfigError) as refused:
        tiny(*overrides)
    return str(refused.value)


def test_a_supplier_must_be_described() -> None:
    known = "procurement.suppliers={cooling: {slip: 1}}"
    said = mistakes(known, "systems.electrical.factory.supplier=coolin", "energization.units.supplier=turbines")
    assert 'systems.electrical.factory.supplier: "coolin" given, a supplier of procurement.suppliers expected' in said
    assert "did you mean cooling?" in said
    assert 'energization.units.supplier: "turbines"' in said


def test_partners_share_what_there_is() -> None:
    fleet = "fleet: {trucks: 1, distance_miles: 1, speed_mph: 47, delay: 1}"
    plant = f"id: east, share: 0.6, lines: 1, test_bays: 1, finished_places: 1, opens_week: 0, ramp_weeks: 0, {fleet}"
    said = mistakes(f"systems.electrical.factory.partners=[{{{plant}}}, {{{plant}}}]")
    assert '"1.2" given, shares that add up to 1 or, with a first factory, to less expected' in said
    assert "each id once in partners" in said


def test_allocations_gate_slots_and_power_must_be_enough() -> None:
    said = mistakes(
        "systems.compute.allocations=[{week: 1, mw: 2.5}]",
        "systems.mechanical.site.loads_per_block=9",
        "logistics.gate_slots_per_day=8",
        "energization.grid=[{id: a, mw: 2.5, weeks: 1}]",
        "energization.units={count: 1, spare: 1, mw: 5, first_week: 0, weeks_between: 0, slip_days: 0}",
    )
    assert '"2.5 MW" given, allocations for all that is built (5 MW) expected' in said
    assert "8 given, at least the loads of a block's mechanical material (9) expected" in said


def test_power_of_grid_and_units_together_must_be_enough() -> None:
    said = mistakes(
        "energization.grid=[{id: a, mw: 2.4, weeks: 1}]",
        "energization.units={count: 0, spare: 0, mw: 5, first_week: 0, weeks_between: 0, slip_days: 0}",
    )
    assert '"2.4 MW firm" given, power for all blocks (5 MW) expected' in said


def test_more_mw_than_the_units_supply_are_refused() -> None:
    hundred = ("scale.capacity_mw=300", "energization.units.count=10", "energization.units.mw=30")
    said = mistakes(*hundred, "energization.units.spare=1")
    assert 'energization.units.count: "9 × 30 MW = 270 MW firm, 1 of 10 in reserve" given' in said
    assert "power for all blocks (300 MW)" in said
    assert "(count: 11 is enough for 120 × 2.5 MW; or less scale.capacity_mw)" in said
    # what is built is whole blocks; and each phase has units of its own, unless they are shared
    assert "one phase (5 MW)" in mistakes("scale.capacity_mw=8.7", "scale.phases=2", ENGINE)
    assert "all phases (5 MW)" in mistakes("scale.phases=2", "energization.shared=true", ENGINE)
    tiny("scale.phases=2", ENGINE)
    tiny("scale.capacity_mw=270", *hundred[1:], "energization.units.spare=1")


ENGINE = "energization.units={count: 1, spare: 0, mw: 2.5, first_week: 0, weeks_between: 0, slip_days: 0}"


def test_a_feed_waits_only_for_what_is_built() -> None:
    said = mistakes("energization.grid=[{id: a, mw: 50, weeks: 1, after: [site_works.servces]}]")
    assert "did you mean site_works.services?" in said
