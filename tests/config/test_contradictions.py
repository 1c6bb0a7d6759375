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

ROUND_THE_CLOCK = [
    "labour.patterns={week: {days: [mon, tue, wed, thu, fri, sat, sun], shifts: [{start: '00:00', end: '24:00'}]}}",
    "labour.pattern=week",
]
"""The week of tiny's calendars.site, by name."""
BY_DAY = ROUND_THE_CLOCK[0].replace("00:00", "07:00").replace("24:00", "17:00")
NOON = "calendars.site.breaks=[{start: '12:00', end: '13:00'}]"

Contradiction = tuple[tuple[tuple[str, str], ...], list[str], list[list[str]]]
"""Where something is refused and in which words; what states both; and the ways of stating only one of them."""
CONTRADICTIONS: dict[str, Contradiction] = {
    "the days of the week: calendars.site, labour.pattern": (
        (("calendars.site.days", "the same days as labour.pattern week (--set labour.pattern)"),),
        [WEEK, "labour.pattern=week"], [[WEEK], ROUND_THE_CLOCK]),
    "shifts": (
        (("calendars.site.shifts", "the same shifts as labour.pattern week (--set labour.pattern)"),),
        [BY_DAY, "labour.pattern=week"], [[BY_DAY], ROUND_THE_CLOCK]),
    "breaks": (
        (("calendars.site.breaks", "the same breaks as labour.pattern week (--set labour.pattern)"),),
        [*ROUND_THE_CLOCK, NOON], [[NOON], ROUND_THE_CLOCK]),
    "who stands by: labour.standby, labour.idle_leave": (
        (("labour.standby.share", "none, as labour.idle_leave (--set labour.idle_leave) sends nobody home"),),
        ["labour.standby={share: 0.5, source: agreed}", "labour.idle_leave=false"],
        [["labour.standby={share: 0.5, source: agreed}"], ["labour.idle_leave=false"]]),
    "no week at all": (
        (("calendars.site.days", "is missing: labour.pattern is null"), ("calendars.site.shifts", "is missing")),
        ["calendars.site={holidays: null}"], [["calendars.site={holidays: null}", *ROUND_THE_CLOCK]]),
    "where the weather is from: weather.kind, weather.file": (
        (("weather.file", "null, as weather.kind west_texas (--set weather.kind) does not read it"),),
        ["weather.kind=west_texas", "weather.file=site.epw"], [["weather.kind=west_texas"]]),
    "weather.kind, weather.lost_days": (
        (("weather.lost_days", "null, as weather.kind west_texas (--set weather.kind) does not read it"),),
        ["weather.kind=west_texas", "weather.lost_days={}"], [["weather.kind=west_texas"]]),
    "deliveries and prices by name: procurement.items, systems": (
        (("procurement.items.electrical.id", "electrical is ordered and priced as a part of the project already"),),
        ["procurement.items=[{id: electrical, per: block, lead_weeks: 1}]"],
        [["procurement.items=[{id: panels, per: block, lead_weeks: 1}]"]]),
    "the amount of a step: hours, hours_per_sqft, hours_per_mw, days": (
        (("shell.steps.slab", "give exactly one of hours, hours_per_sqft, hours_per_mw, days (here: hours, days)"),),
        ["shell.steps.slab.days=3"], [["shell.steps.slab.hours=3"]]),
    "the price of an item: usd_per_mw, usd_per_sqft, usd_per_load_mile, usd_each": (
        (("money.prices.shell", "usd_per_load_mile, usd_each (here: usd_per_sqft, usd_each)"),),
        ["money.prices.shell.usd_each=5"], [["money.prices.shell.usd_each=5", "money.prices.shell.usd_per_sqft=null"]]),
    "a link: lag_days, lead_days": (
        (("shell.steps.dry_in.after.slab", "a link has lag_days or lead_days, not both"),),
        ["shell.steps.dry_in.after=[{id: slab, lag_days: 1, lead_days: 1}]"],
        [["shell.steps.dry_in.after=[{id: slab, lag_days: 1}]"], ["shell.steps.dry_in.after=[{id: slab, lead_days: 1}]"]]),
    "demand: path, growth": ((("orders.demand", "give either a path or a growth"),), [DEMAND], []),
    "who decides on orders: orders.given, orders.policy": (
        (("orders.policy", "given, where there is a schedule of orders"),),
        ["orders.given=[{day: 0, mw: 5}]", "orders.policy=released"],
        [["orders.given=[{day: 0, mw: 5}]"], ["orders.policy=released"]]),
    "how much is built: scale.capacity_mw, orders.given": (
        (("orders.given", "orders that add up to scale.capacity_mw (5 MW)"),),
        ["orders.given=[{day: 0, mw: 4}]"], [["orders.given=[{day: 0, mw: 5}]"]]),
    "when the phases are ordered: orders.given, scale.phase_interval_days": (
        (("scale.phase_interval_days", "0, as orders.given (--set orders.given) says when each phase is ordered"),),
        ["scale.phases=2", "scale.phase_interval_days=90", "orders.given=[{day: 0, mw: 5}]"],
        [["scale.phases=2", "scale.phase_interval_days=90"], ["scale.phases=2", "orders.given=[{day: 0, mw: 5}]"]]),
    "the parts of a hall: hall.blocks, turnover_blocks": (
        (("turnover_blocks", "a divisor of hall.blocks (2), or for a building of several halls a multiple of it"),),
        ["turnover_blocks=3"], [["turnover_blocks=2"]]),
    "who makes what: shares of partners": (
        (("systems.electrical.factory.partners.x.share", "more than 0 and at most 1 share"),),
        [PARTNER], [[PARTNER.replace("1.5", "0.5")]]),
    "how much a maker promises: allocations, scale.capacity_mw": (
        (("systems.compute.allocations", "allocations for all that is built (5 MW)"),),
        ["systems.compute.allocations=[{week: 1, mw: 1}]"], [["systems.compute.allocations=[{week: 1, mw: 5}]"]]),
}  # fmt: skip


def refusals(path: Path, *overrides: str) -> list[str]:
    """What is wrong with a project, changed like this."""
    with pytest.raises(ConfigError) as refused:
        load(path, overrides)
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize("pair", CONTRADICTIONS)
def test_what_is_stated_twice_and_differently_is_refused(pair: str) -> None:
    said, overrides, _ = CONTRADICTIONS[pair]
    problems = refusals(TINY, *overrides)
    assert len(problems) == len(said)
    for (where, words), problem in zip(said, problems, strict=True):
        assert f"{where}:" in problem
        assert words in problem


@pytest.mark.parametrize("pair", CONTRADICTIONS)
def test_either_of_the_two_alone_is_accepted(pair: str) -> None:
    """So that it is the contradiction that is refused, and not one of the statements."""
    for overrides in CONTRADICTIONS[pair][2]:
        load(TINY, overrides)


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
