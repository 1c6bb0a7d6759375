"""Who works when on this project: its calendars by name, and how long a working day is."""

from __future__ import annotations

from datetime import date

from sim.config.calendars import Calendar as Stated
from sim.config.project import Project
from sim.world import holidays
from sim.world.calendars import Calendar, always, weekly
from sim.world.shifts import paid

EXPOSURES = ("interior", "exterior", "earthwork", "crane")


def calendars(project: Project) -> dict[str, Calendar]:
    """Return the calendars a plan names: always, road, factory, gate, and one of the site for every exposure."""
    start, horizon = project.scale.start_date, project.scale.horizon_days
    site = _weekly("site", project.calendars.site, start, horizon)
    return {
        "always": always(horizon * 1440),
        "road": always(horizon * 1440, "road"),
        "factory": _weekly("factory", project.calendars.factory, start, horizon),
        "gate": _weekly("gate", project.calendars.gate, start, horizon),
        **{f"site.{exposure}": site for exposure in EXPOSURES},
    }


def holidays_of(project: Project) -> tuple[date, ...]:
    """Return the days on which nobody works on site."""
    return _off(project.calendars.site, project.scale.start_date, project.scale.horizon_days)


def day_minutes(project: Project) -> dict[str, int]:
    """Return the productive minutes of one working day of the site and of the factories."""
    return {"site": _day(project.calendars.site), "factory": _day(project.calendars.factory)}


def _day(stated: Stated) -> int:
    minutes = 0
    for shift in stated.shifts:
        starts, ends = paid((shift.start, shift.end), [(pause.start, pause.end) for pause in stated.breaks])
        minutes += int((ends - starts).sum())
    return minutes


def _weekly(name: str, stated: Stated, start: date, horizon: int) -> Calendar:
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
