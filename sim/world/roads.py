"""Roads: the size class of a load, when that class may travel, and when a truck arrives under hours of service.

A load that is legal on one of the trailers is a legal load. One that is only too heavy moves with a permit, day and
night; one that is too wide, high or long by daylight, with a permit and perhaps escorts; for a superload, beyond
routine permits, the route is surveyed first. The limits are configuration, with their sources.

Hours of service are those of 49 CFR 395.3 for property-carrying drivers: at most 11 hours of driving, none after the
14th hour of a duty period, 30 minutes without driving after 8 hours of it, and 10 hours off before a new duty period.
The weekly limits (60 or 70 hours) are not modelled: fleets change drivers between loads. The driver is rested at the
start, drives whenever rules and road allow, and does nothing else on duty: every minute without driving is off duty,
so a road closed for half an hour is a break, one closed for ten hours a rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import numpy as np

from sim.config.project import Project
from sim.config.sections.logistics import EVERY_DAY, Curfew, Envelope, Movement, Roads, Trailer
from sim.config.sections.systems import Skid
from sim.world.shifts import DAY, daylight, public_holidays
from sim.world.working_time import Calendar, always, intersect, subtract_closures, weekly

# --- size classes and road calendars ----------------------------------------------------------------------------------


ClassName = Literal["legal", "overweight", "oversize", "superload"]
OPEN_ROAD = "road"
TOLERANCE = 1e-9


@dataclass(frozen=True)
class LoadClass:
    """Size class of a load on its trailer, in feet and pounds, truck included.

    `because` lists what is beyond a limit; it is empty for a legal load.
    """

    name: ClassName
    trailer: str
    width_ft: float
    height_ft: float
    overall_ft: float
    gross_lb: float
    because: tuple[str, ...] = ()
    escorts: int = 0
    daylight_only: bool = False
    stands_on_holidays: bool = False

    def __str__(self) -> str:
        """Return the class as text: "oversize on a lowboy: 14 ft wide (8.5 is legal); by daylight only; 1 escort"."""
        parts = [f"{self.name} on a {self.trailer}" + (f": {', '.join(self.because)}" if self.because else "")]
        if self.daylight_only:
            parts.append("by daylight only")
        if self.stands_on_holidays:
            parts.append("not on major holidays")
        if self.escorts:
            parts.append(f"{self.escorts} escort{'s' if self.escorts > 1 else ''}")
        return "; ".join(parts)


def load_classes(project: Project) -> dict[str, LoadClass]:
    """Return by system the class of its loads, for systems that are made in a factory."""
    roads = project.logistics.roads
    return {
        name: load_class(system.skid, roads) for name, system in project.by_system.items() if system.scope == "factory"
    }


def load_class(skid: Skid, roads: Roads) -> LoadClass:
    """Return the class of a load: on the first trailer on which it is legal, else on the last one."""
    loads = [_loaded_on(skid, trailer) for trailer in roads.trailers]
    for on_trailer, trailer in zip(loads, roads.trailers, strict=True):
        fits = skid.length_ft.value <= trailer.length_ft.value + TOLERANCE
        if fits and not _beyond_legal(on_trailer, skid, roads):
            return on_trailer
    load = loads[-1]
    because = _beyond_legal(load, skid, roads)
    if not roads.enforced or not because:
        return load
    if exceeded_directions(load, roads.routine) or load.gross_lb > roads.routine.gross_lb.value + TOLERANCE:
        name: ClassName = "superload"
    else:
        name = "overweight" if set(because) == {"weight"} else "oversize"
    restricted = name == "superload" or bool(exceeded_directions(load, roads.night))
    return replace(
        load,
        name=name,
        because=tuple(because.values()),
        escorts=_escorts(load, roads),
        daylight_only=name != "overweight" and restricted,
        stands_on_holidays=bool(exceeded_directions(load, roads.holidays)),
    )


def movement(load: LoadClass, roads: Roads) -> Movement:
    """Return the rules for a load of a class: speed, permit, days and curfews; none where limits are not enforced."""
    rules: Movement = getattr(roads.classes, load.name) if roads.enforced else Movement()
    return rules


def exceeded_directions(load: LoadClass, limits: Envelope) -> list[str]:
    """Return the names of the dimensions in which a load is larger than an envelope."""
    sizes = {"width": load.width_ft, "height": load.height_ft, "overall": load.overall_ft}
    return [name for name, size in sizes.items() if size > getattr(limits, f"{name}_ft").value + TOLERANCE]


def _loaded_on(skid: Skid, trailer: Trailer) -> LoadClass:
    """Return the dimensions of a load on a trailer, as a legal load: no limit is checked yet."""
    overhang = max(0.0, skid.length_ft.value - trailer.length_ft.value)
    return LoadClass(
        "legal",
        trailer.id,
        skid.width_ft.value,
        trailer.deck_ft.value + skid.height_ft.value,
        trailer.overall_ft.value + overhang,
        trailer.tare_lb.value + skid.weight_lb.value,
    )


def _beyond_legal(load: LoadClass, skid: Skid, roads: Roads) -> dict[str, str]:
    """Return by dimension a phrase for each legal limit that a load exceeds."""
    legal = roads.legal
    measured = {
        "width": (load.width_ft, legal.width_ft.value, "ft wide"),
        "height": (load.height_ft, legal.height_ft.value, "ft high"),
        "length": (skid.length_ft.value, legal.load_ft.value, "ft long"),
        "weight": (load.gross_lb, legal.gross_lb.value, "lb in all"),
    }
    return {
        name: f"{size:,g} {unit} ({limit:,g} is legal)"
        for name, (size, limit, unit) in measured.items()
        if size > limit + TOLERANCE
    }


def _escorts(load: LoadClass, roads: Roads) -> int:
    """Return the number of escort vehicles that a load needs: 0, 1 or 2."""
    exceeded = len(exceeded_directions(load, roads.one_escort))
    return 2 if exceeded > 1 or exceeded_directions(load, roads.two_escorts) else exceeded


def road_of(system: str, load: LoadClass, roads: Roads) -> str:
    """Return the name of the road calendar of a system's loads: the open road where they may always move."""
    rules = movement(load, roads)
    restricted = load.daylight_only or load.stands_on_holidays or rules.curfews or set(rules.days) != set(EVERY_DAY)
    return f"{OPEN_ROAD}.{system}" if restricted else OPEN_ROAD


def road_calendars(project: Project) -> dict[str, Calendar]:
    """Return road calendars by name: the open road, and one for every system whose loads may not always move.

    Loads with the same rules share one calendar.
    """
    roads, by_rules = project.logistics.roads, dict[tuple[object, ...], Calendar]()
    calendars = {OPEN_ROAD: always(project.scale.horizon_days * DAY, OPEN_ROAD)}
    for system, load in load_classes(project).items():
        name, rules = road_of(system, load, roads), movement(load, roads)
        if name != OPEN_ROAD:
            key = load.daylight_only, load.stands_on_holidays, rules.days, rules.curfews
            if key not in by_rules:
                by_rules[key] = _travel_windows(f"road for {load.name} loads", project, load, rules)
            calendars[name] = by_rules[key]
    return calendars


def _travel_windows(name: str, project: Project, load: LoadClass, rules: Movement) -> Calendar:
    """Return the calendar of the hours in which a load may travel."""
    roads, start, horizon = project.logistics.roads, project.scale.start_date, project.scale.horizon_days
    holidays = tuple(_major_holidays(roads, start, horizon)) if load.stands_on_holidays else ()
    windows = weekly(name, start, horizon, days=",".join(rules.days), shifts=[("00:00", "24:00")], holidays=holidays)
    for curfew in rules.curfews:
        windows = _without_curfew(windows, curfew, start, horizon)
    if load.daylight_only:
        place = roads.latitude, roads.longitude, roads.utc_offset_hours
        light = daylight(start, horizon, *place, roads.twilight_minutes)
        windows = intersect(windows, Calendar("daylight", *light, horizon * DAY), name)
    return windows


def _without_curfew(windows: Calendar, curfew: Curfew, start: date, horizon: int) -> Calendar:
    hours = [(curfew.hours.start, curfew.hours.end)]
    closed = weekly("curfew", start, horizon, days=",".join(curfew.days), shifts=hours)
    return subtract_closures(windows, np.column_stack(closed.intervals))


def _major_holidays(roads: Roads, start: date, horizon: int) -> Iterator[date]:
    config = roads.major_holidays
    years = range(start.year, start.year + horizon // 365 + 2)
    yield from public_holidays(config.country, config.subdivision, years, config.names)


# --- hours of service -------------------------------------------------------------------------------------------------


DRIVING = 11 * 60
DUTY = 14 * 60
UNBROKEN = 8 * 60
BREAK = 30
REST = 10 * 60


def duty_finish(start: int, driving_minutes: int, windows: Calendar | None = None) -> int:
    """Return the minute of arrival after so many minutes of driving, with breaks and rests, while `windows` are open.

    A duty period begins when its first driving does. No driving at all arrives at once.
    """
    if driving_minutes == 0:
        return start
    now = _next_permitted(start, windows)
    # in this duty period: its begin, minutes driven, and minutes driven since the last break
    remaining, duty_begin, driven, unbroken = driving_minutes, now, 0, 0
    while True:
        leg = min(remaining, DRIVING - driven, UNBROKEN - unbroken, duty_begin + DUTY - now)
        if windows is not None:
            leg = min(leg, windows.closes(now) - now)
        now, remaining, driven, unbroken = now + leg, remaining - leg, driven + leg, unbroken + leg
        if remaining == 0:
            return now
        departure = _next_permitted(now + BREAK if unbroken >= UNBROKEN else now, windows)
        if driven >= DRIVING or departure >= duty_begin + DUTY:
            departure = _next_permitted(now + REST, windows)
        if departure - now >= REST:
            duty_begin, driven = departure, 0
        if departure - now >= BREAK:
            unbroken = 0
        now = departure


def _next_permitted(t: int, windows: Calendar | None) -> int:
    """Return the first minute at or after `t` at which driving is permitted."""
    return t if windows is None else windows.next_open(t)
