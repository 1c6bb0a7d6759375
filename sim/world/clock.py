"""Who works when on this project: its calendars by name, and how long a working day is."""

from __future__ import annotations

from datetime import date

from sim.config.calendars import Calendar as Stated
from sim.config.labour import Pattern, followed
from sim.config.project import Project
from sim.config.steps import EXPOSURES
from sim.world import holidays
from sim.world.calendars import Calendar, always, weekly
from sim.world.intervals import Intervals, Minutes
from sim.world.outages import plant_calendars
from sim.world.productivity import earning, shortened, turns
from sim.world.roads import road_calendars
from sim.world.shifts import paid

DAYS_END = "day's end"
"""Open in the last minute of every day: when what is counted by the day is given out anew."""
SITE = "site"
"""What the calendars of work on site begin with; one for each exposure."""
LIFTS = f"{SITE}.lift"
"""The calendar of lifts: whole shifts, as a lift takes as long as it takes, less the hours in which cranes stand."""
SHIFT = "shift"
"""The calendar of the hours people on site are paid for, whatever of them is productive."""


def calendars(project: Project) -> dict[str, Calendar]:
    """Return the calendars a plan names: always, road, factory, gate, and one of the site for every exposure."""
    start, horizon = project.scale.start_date, project.scale.horizon_days
    shift = _weekly("site", project.site_calendar, start, horizon)
    factory = _weekly("factory", project.calendars.factory, start, horizon)
    return {
        "always": always(horizon * 1440),
        **road_calendars(project),
        "factory": factory,
        **plant_calendars(project, factory),
        "gate": _weekly("gate", project.calendars.gate, start, horizon),
        **(_days_end(start, horizon) if project.logistics.gate_slots_per_day is not None else {}),
        **{f"{SITE}.{exposure}": _productive(project, exposure, shift) for exposure in EXPOSURES},
        LIFTS: shift,
        SHIFT: shift,
    }


def _days_end(start: date, horizon: int) -> dict[str, Calendar]:
    return {DAYS_END: weekly(DAYS_END, start, horizon, days="mon-sun", shifts=[("23:59", "24:00")])}


def _productive(project: Project, exposure: str, shift: Calendar) -> Calendar:
    """Return the minutes of the site's shifts that earn something under an exposure."""
    if project.labour.productivity is None:
        return shift
    shifts, minutes = _earning(project, project.pattern, exposure)
    return shortened(f"{SITE}.{exposure}", shifts, minutes, shift.horizon, project.scale.start_date)


def _earning(project: Project, pattern: Pattern, exposure: str) -> tuple[Intervals, Minutes]:
    """Return every shift of a pattern and how many of its minutes earn something."""
    productivity, start, horizon = project.labour.productivity, project.scale.start_date, project.scale.horizon_days
    assert productivity is not None  # asked only where it is stated
    stated = followed(project.calendars.site, pattern)
    shifts = turns(stated, start, horizon, _off(stated, start, horizon))
    felt = 1.0 if exposure != "interior" or productivity.heat is None else productivity.heat.indoors.value
    return shifts, earning(shifts, productivity, pattern, start, felt)


def productive_share(project: Project, pattern: Pattern, exposure: str) -> float:
    """Return the share of a pattern's shifts that earns something, mean over the calendar; 1 if nothing is lost."""
    if project.labour.productivity is None:
        return 1.0
    (starts, ends), minutes = _earning(project, pattern, exposure)
    return float(minutes.sum() / (ends - starts).sum())


def stated_share(project: Project, exposure: str) -> float:
    """Return the same share for the way of working for which the losses are stated: what they contain already."""
    productivity = project.labour.productivity
    if productivity is None:
        return 1.0
    return productive_share(project, project.labour.patterns[productivity.stated_for], exposure)


def holidays_of(project: Project) -> tuple[date, ...]:
    """Return the days on which nobody works on site."""
    return _off(project.site_calendar, project.scale.start_date, project.scale.horizon_days)


def day_minutes(project: Project) -> dict[str, int]:
    """Return the productive minutes of one working day of the site and of the factories, and a day's shift minutes.

    A duration in days is a duration in such days: what a shift loses on the average is part of it already.
    """
    shift = _day(project.site_calendar)
    site = round(shift * productive_share(project, project.pattern, "interior"))
    return {"site": site, "factory": _day(project.calendars.factory), SHIFT: shift}


def _day(stated: Stated) -> int:
    minutes = 0
    for shift in stated.shifts:
        starts, ends = paid((shift.start, shift.end), [(pause.start, pause.end) for pause in stated.breaks])
        minutes += int((ends - starts).sum())
    return minutes


def _weekly(name: str, stated: Stated, start: date, horizon: int) -> Calendar:
    """Return the calendar of a stated week."""
    return weekly(
        name,
        start,
        horizon,
        days=",".join(stated.days),
        shifts=[(shift.start, shift.end) for shift in stated.shifts],
        breaks=[(pause.start, pause.end) for pause in stated.breaks],
        holidays=_off(stated, start, horizon),
    )


def _off(stated: Stated, start: date, horizon: int) -> tuple[date, ...]:
    """Return the holidays of a calendar."""
    if stated.holidays is None:
        return ()
    years = range(start.year, start.year + horizon // 365 + 2)
    return holidays.dates(stated.holidays.country, stated.holidays.subdivision, years)
