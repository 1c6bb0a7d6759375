"""Every two keys that can say the same thing: where they contradict each other, the project is refused, in so many words.

A value that would override another one without a word is a mistake nobody sees: a case that stated round-the-clock
shifts ran at the pattern of its base.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sim.errors import ConfigError
from sim.study.api import load
from tests.tiny_project import TINY

ROOT = Path(__file__).parents[2]
HYBRID = ROOT / "configs" / "hybrid.yaml"
WEEK = "labour.patterns={week: {days: [mon], shifts: [{start: '07:00', end: '17:00'}]}}"
DEMAND = "orders.demand={path: [{day: 0, mw: 5}], growth: {first_day: 0, first_mw: 1, days_per_mw: 1}}"
PARTNER = (
    "systems.electrical.factory.partners=[{id: x, share: 1.5, lines: 1, test_bays: 1, finished_places: 1, opens_week: 0,"
    " ramp_weeks: 0, fleet: {trucks: 1, distance_miles: 1, speed_mph: 30, delay: 1}}]"
)

CONTRADICTIONS = {
    "the days of the week: calendars.site, labour.pattern": (
        "calendars.site.days", [WEEK, "labour.pattern=week"]),
    "shifts": ("calendars.site.shifts", [
        "labour.patterns={week: {days: [mon, tue, wed, thu, fri, sat, sun], shifts: [{start: '07:00', end: '17:00'}]}}",
        "labour.pattern=week"]),
    "breaks": ("calendars.site.breaks", [
        "labour.patterns={week: {days: [mon, tue, wed, thu, fri, sat, sun], shifts: [{start: '00:00', end: '24:00'}]}}",
        "labour.pattern=week", "calendars.site.breaks=[{start: '12:00', end: '13:00'}]"]),
    "no week at all": ("calendars.site.days", ["calendars.site={holidays: null}"]),
    "where the weather is from: weather.kind, weather.file": (
        "weather.file", ["weather.kind=west_texas", "weather.file=site.epw"]),
    "weather.kind, weather.lost_days": ("weather.lost_days", ["weather.kind=west_texas", "weather.lost_days={}"]),
    "deliveries and prices by name: procurement.items, systems": (
        "procurement.items", ["procurement.items=[{id: electrical, per: block, lead_weeks: 1}]"]),
    "the amount of a step: hours, hours_per_sqft, hours_per_mw, days": (
        "shell.steps", ["shell.steps.slab.days=3"]),
    "the price of an item: usd_per_mw, usd_per_sqft, usd_per_load_mile, usd_each": (
        "money.prices.shell", ["money.prices.shell.usd_each=5"]),
    "a link: lag_days, lead_days": (
        "shell.steps", ["shell.steps.dry_in.after=[{id: slab, lag_days: 1, lead_days: 1}]"]),
    "demand: path, growth": ("orders.demand", [DEMAND]),
    "who decides on orders: orders.given, orders.policy": (
        "orders.policy", ["orders.given=[{day: 0, mw: 5}]", "orders.policy=released"]),
    "how much is built: scale.capacity_mw, orders.given": ("orders.given", ["orders.given=[{day: 0, mw: 4}]"]),
    "when the phases are ordered: orders.given, scale.phase_interval_days": (
        "scale.phase_interval_days", ["scale.phases=2", "scale.phase_interval_days=90", "orders.given=[{day: 0, mw: 5}]"]),
    "the parts of a hall: hall.blocks, turnover_blocks": ("turnover_blocks", ["turnover_blocks=3"]),
    "who makes what: shares of partners": ("systems.electrical.factory.partners", [PARTNER]),
    "how much a maker promises: allocations, scale.capacity_mw": (
        "systems.compute.allocations", ["systems.compute.allocations=[{week: 1, mw: 1}]"]),
}  # fmt: skip


def refusals(path: Path, *overrides: str) -> list[str]:
    """What is wrong with a project, changed like this."""
    with pytest.raises(ConfigError) as refused:
        load(path, overrides)
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize("pair", CONTRADICTIONS)
def test_what_is_stated_twice_and_differently_is_refused(pair: str) -> None:
    where, overrides = CONTRADICTIONS[pair]
    assert any(where in problem or where in " ".join(overrides) for problem in refusals(TINY, *overrides))


def test_a_case_that_states_shifts_beside_the_pattern_of_its_base_is_refused_with_both_lines(tmp_path: Path) -> None:
    shutil.copy(ROOT / "configs" / "base.yaml", tmp_path)
    case = tmp_path / "case.yaml"
    case.write_text(
        "extends: base.yaml\nschema_version: 1\nname: x\nlabel: X\n"
        "calendars:\n  site:\n    shifts: [{start: '06:00', end: '16:00'}, {start: '18:00', end: '04:00'}]\n"
    )
    (problem,) = refusals(case)
    line = next(
        number
        for number, text in enumerate((ROOT / "configs" / "base.yaml").read_text().splitlines(), 1)
        if text.startswith("  pattern: ")
    )
    assert f"{case}:7: calendars.site.shifts" in problem
    assert f"labour.pattern six_tens ({tmp_path / 'base.yaml'}:{line})" in problem
    assert "pattern: null" in problem


def test_the_same_week_may_be_stated_twice_and_either_way_alone() -> None:
    same = [
        "calendars.site.days=[mon, tue, wed, thu, fri, sat]",
        "calendars.site.shifts=[{start: '07:00', end: '17:00'}]",
    ]
    twice = load(HYBRID, same).value
    alone = load(HYBRID, [*same, "labour.pattern=null"]).value
    assert twice.site_calendar == alone.site_calendar == load(HYBRID).value.site_calendar
    assert len(load(HYBRID, ["labour.pattern=two_shifts"]).value.site_calendar.shifts) == 2


@pytest.mark.parametrize("name", ["abilene_phase_1", "colossus_1"])
def test_the_cases_that_worked_day_and_night_do(name: str) -> None:
    project = load(ROOT / "configs" / "cases" / f"{name}.yaml").value
    week = project.site_calendar
    assert (len(week.days), len(week.shifts), week.holidays) == (7, 2, None)
    assert project.pattern.shifts == week.shifts
    assert [(shift.start, shift.end) for shift in week.shifts] == [("06:00", "16:00"), ("18:00", "04:00")]


def test_weather_can_be_switched_off_whatever_file_it_is_from(tmp_path: Path) -> None:
    assert load(TINY, ["weather.kind=none", "weather.file=site.epw"]).value.weather.kind == "none"
