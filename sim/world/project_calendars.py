"""The calendars of a project by name, and those of one replication: the stated ones minus weather and plant outages.

A plant outage (fire, flood, strike) stops a whole plant for a while; work there pauses and resumes. Also how many
productive minutes a working day has.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from math import floor, log1p
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.config.cross_checks import networks
from sim.config.project import Project
from sim.config.sections.labour import Pattern
from sim.config.sections.systems import EXPOSURES, Exposure, Stops
from sim.config.sections.working_week import Calendar as WeekConfig
from sim.config.sections.working_week import NamedCalendar
from sim.world.distributions import to_distribution
from sim.world.productivity_factors import all_shifts, productive_minutes, shortened
from sim.world.roads import road_calendars
from sim.world.shifts import DAY, Intervals, Minutes, public_holidays, shift_without_breaks
from sim.world.streams import stream_key, uniform
from sim.world.weather.project_weather import WeatherModel, closed_intervals, typical_weather
from sim.world.working_time import ALL, ALWAYS_OPEN, Calendar, always, subtract_closures, weekly

# --- plant outages ----------------------------------------------------------------------------------------------------


FACTORY = "factory"
ENDLESS = "endless"
"""A calendar that is open far beyond the horizon, for the time to a breakdown: it must not end the project's run."""
HORIZONS = 1000


def factory_calendar(plant: str, stops: Stops | None) -> str:
    """Return the name of a plant's calendar: its own if it can have outages, else the one of all factories."""
    return FACTORY if stops is None else f"{FACTORY}.{plant}"


def plant_calendars(project: Project, factory: Calendar) -> dict[str, Calendar]:
    """Return the calendar of every plant that can have outages, before they are subtracted, and the endless one for lines."""
    lines_stop = any(system.factory.line_stops is not None for system in project.by_system.values())
    endless = {ENDLESS: always(project.scale.horizon_days * DAY * HORIZONS, ENDLESS)} if lines_stop else {}
    return {**dict.fromkeys(_outages_by_calendar(project), factory), **endless}


def plant_outages(project: Project, seed: int, replication: int) -> dict[str, NDArray[np.int64]]:
    """Return by calendar the plant outages of a replication: rows (start, end) in order.

    From the end of one stop to the next passes an exponential time; a stop lasts as estimated. Draws are named
    after the plant; the k-th stop takes attempts 2 k and 2 k + 1.
    """
    horizon = project.scale.horizon_days * DAY
    return {
        name: _outage_rows(stops, stream_key(seed, f"{name} stops"), replication, horizon)
        for name, stops in _outages_by_calendar(project).items()
    }


def _outages_by_calendar(project: Project) -> Mapping[str, Stops]:
    """Return by calendar name the outages (as configured) of plants that can have any."""
    return {
        f"{FACTORY}.{plant}": system.factory.plant_stops
        for name, system in project.by_system.items()
        if system.scope == "factory" and system.factory.plant_stops is not None
        for plant in system.factory.plants(name)
    }


def _outage_rows(stops: Stops, stream: tuple[int, int], replication: int, horizon: int) -> NDArray[np.int64]:
    """Return the outages of one manufacturing plant up to the horizon, as rows (start, end) in minutes."""
    rows: list[tuple[int, int]] = []
    now, counter, duration = 0.0, 0, to_distribution(stops.days)
    while True:
        now -= stops.mean_days_between.value * DAY * log1p(-uniform(stream, replication, counter))
        if now >= horizon:
            return np.array(rows, np.int64).reshape(-1, 2)
        days = float(duration.ppf(np.array([uniform(stream, replication, counter + 1)]))[0])
        rows.append((floor(now + 0.5), floor(now + days * DAY + 0.5)))
        now, counter = now + days * DAY, counter + 2


# --- calendars of a project -------------------------------------------------------------------------------------------


DAYS_END = "day's end"
"""A calendar that is open in the last minute of every day, when gate slots of the day are given back."""
SITE = "site"
"""Prefix of the calendars of work on site; one for each exposure."""
LIFTS = f"{SITE}.lift"
"""The calendar of lifts: whole shifts, not shortened by productivity, less the hours in which cranes stand."""
ON_SITE = frozenset({LIFTS, *(f"{SITE}.{exposure}" for exposure in EXPOSURES)})
"""The calendars of work on site."""
NAMED = "@"
"""Separator of the exposure of a step and the name of its own calendar: `site.crane@planner`."""
LAG = f"lag{NAMED}"
"""Prefix of the calendars on which lags are counted: `lag@planner`. Weather does not close them."""
SHIFT = "shift"
"""The calendar of the hours for which people on site are paid, productive or not."""


def on_calendar(exposure: Exposure, named: str | None) -> str:
    """Return the name of the calendar of work on site under an exposure: the site's, or one of calendars.named."""
    return f"{SITE}.{exposure}{NAMED}{named}" if named else f"{SITE}.{exposure}"


def named_in(calendar: str) -> str:
    """Return the key in calendars.named of a calendar; empty for any other calendar."""
    return calendar.partition(NAMED)[2] if calendar.startswith((SITE, LAG)) else ""


def is_on_site(calendar: str) -> bool:
    """Return whether work on a calendar is work on site."""
    return calendar.partition(NAMED)[0] in ON_SITE


def _named_calendars(project: Project) -> dict[str, tuple[Exposure, str]]:
    """Return (exposure, key in calendars.named) of the calendars that steps name, by their names in a plan."""
    if not project.calendars.named:
        return {}
    all_steps = [step for _, steps, _ in networks(project) for step in steps]
    exposures_and_keys = {(step.exposure, step.calendar) for step in all_steps if step.calendar}
    return {on_calendar(exposure, key): (exposure, key) for exposure, key in sorted(exposures_and_keys)}


def _lag_calendars(project: Project) -> dict[str, str]:
    """Return the keys in calendars.named of the calendars on which lags are counted, by their names in a plan."""
    if not project.calendars.named:
        return {}
    links = (link for _, steps, _ in networks(project) for step in steps for link in step.after)
    return {f"{LAG}{name}": name for name in sorted({link.lag_calendar for link in links if link.lag_calendar})}


def _named_week(name: str, config: NamedCalendar, start: date, horizon: int) -> Calendar:
    """Return the calendar of one of calendars.named, which states open hours by day; `horizon` is in days."""
    open_hours = (
        (day * DAY + begin, day * DAY + end)
        for day in range(horizon)
        for begin, end in config.on(start + timedelta(days=day))
    )
    return Calendar.of(name, open_hours, horizon * DAY, start)


def project_calendars(project: Project) -> dict[str, Calendar]:
    """Return by name the calendars of a plan: always, road, factory, gate, and one of the site for every exposure."""
    start, horizon = project.scale.start_date, project.scale.horizon_days
    shift = _weekly("site", project.site_calendar, start, horizon)
    factory = _weekly("factory", project.calendars.factory, start, horizon)
    return {
        ALWAYS_OPEN: always(horizon * 1440),
        **road_calendars(project),
        "factory": factory,
        **plant_calendars(project, factory),
        "gate": _weekly("gate", project.calendars.gate, start, horizon),
        **(_days_end(start, horizon) if project.logistics.gate_slots_per_day is not None else {}),
        **{f"{SITE}.{exposure}": _productive_calendar(project, exposure, shift) for exposure in EXPOSURES},
        LIFTS: shift,
        SHIFT: shift,
        **{
            name: _named_week(name, project.calendars.named[named], start, horizon)
            for name, (_, named) in _named_calendars(project).items()
        },
        **{
            name: _named_week(name, project.calendars.named[named], start, horizon)
            for name, named in _lag_calendars(project).items()
        },
    }


def factory_calendars(project: Project) -> frozenset[str]:
    """Return the names of the factories' calendars: the common one, and those of plants that can have outages."""
    return frozenset({FACTORY, *_outages_by_calendar(project)})


def _days_end(start: date, horizon: int) -> dict[str, Calendar]:
    return {DAYS_END: weekly(DAYS_END, start, horizon, days="mon-sun", shifts=[("23:59", "24:00")])}


def _productive_calendar(project: Project, exposure: str, shift: Calendar) -> Calendar:
    """Return the site's shifts under an exposure, shortened to their productive minutes."""
    if project.labour.productivity is None:
        return shift
    shifts, minutes = _productive_shifts(project, project.pattern, exposure)
    return shortened(f"{SITE}.{exposure}", shifts, minutes, shift.horizon, project.scale.start_date)


def _productive_shifts(project: Project, pattern: Pattern, exposure: str) -> tuple[Intervals, Minutes]:
    """Return every shift of a pattern up to the horizon, and its productive minutes under an exposure."""
    productivity, start, horizon = project.labour.productivity, project.scale.start_date, project.scale.horizon_days
    assert productivity is not None  # called only where it is configured
    site_calendar = project.calendars.site.with_pattern(pattern)
    shifts = all_shifts(site_calendar, start, horizon, _holidays(site_calendar, start, horizon))
    heat_share = 1.0 if exposure != "interior" or productivity.heat is None else productivity.heat.indoors.value
    return shifts, productive_minutes(shifts, productivity, pattern, start, heat_share)


def productive_share(project: Project, pattern: Pattern, exposure: str) -> float:
    """Return the productive share of a pattern's shift minutes up to the horizon; 1 without losses."""
    if project.labour.productivity is None:
        return 1.0
    (starts, ends), minutes = _productive_shifts(project, pattern, exposure)
    return float(minutes.sum() / (ends - starts).sum())


def reference_productive_share(project: Project, exposure: str) -> float:
    """Return the productive share of shift minutes in the reference week, for which `losses` are stated and contain it."""
    productivity = project.labour.productivity
    if productivity is None:
        return 1.0
    return productive_share(project, project.labour.patterns[productivity.stated_for], exposure)


def holidays_of(project: Project) -> tuple[date, ...]:
    """Return the holidays of the site."""
    return _holidays(project.site_calendar, project.scale.start_date, project.scale.horizon_days)


def day_minutes(project: Project) -> dict[str, int]:
    """Return the productive minutes of a working day of the "site" and of a "factory", and the minutes of its "shift"s.

    A duration in days is a duration in such days: the mean loss of a shift is part of it already.
    """
    shift = _shift_minutes(project.site_calendar)
    site = round(shift * productive_share(project, project.pattern, "interior"))
    return {"site": site, "factory": _shift_minutes(project.calendars.factory), SHIFT: shift}


def day_minutes_on(project: Project, calendar: str, minutes: Mapping[str, int]) -> float:
    """Return the productive minutes of a day on a calendar of the site or of a factory; on others all of them.

    `minutes` are those of `day_minutes`; a named calendar has its own.
    """
    if named := named_in(calendar):
        return project.calendars.named[named].day_minutes
    if calendar in ON_SITE:
        return minutes["site"]
    return minutes["factory"] if calendar in factory_calendars(project) else DAY


def _shift_minutes(config: WeekConfig) -> int:
    """Return the minutes of all shifts of a working day, without breaks."""
    minutes = 0
    for shift in config.shifts:
        starts, ends = shift_without_breaks(
            (shift.start, shift.end), [(pause.start, pause.end) for pause in config.breaks]
        )
        minutes += int((ends - starts).sum())
    return minutes


def _weekly(name: str, config: WeekConfig, start: date, horizon: int) -> Calendar:
    """Return the calendar of a configured working week, up to a horizon in days."""
    return weekly(
        name,
        start,
        horizon,
        days=",".join(config.days),
        shifts=[(shift.start, shift.end) for shift in config.shifts],
        breaks=[(pause.start, pause.end) for pause in config.breaks],
        holidays=_holidays(config, start, horizon),
    )


def _holidays(config: WeekConfig, start: date, horizon: int) -> tuple[date, ...]:
    """Return the holidays of a configured working week, up to a horizon in days."""
    if config.holidays is None:
        return ()
    years = range(start.year, start.year + horizon // 365 + 2)
    return public_holidays(config.holidays.country, config.holidays.subdivision, years)


# --- calendars of the expected plan -----------------------------------------------------------------------------------


Closed = NDArray[np.int64]
Name = TypeVar("Name", bound=str)


def planned_calendars(
    project: Project, weather: WeatherModel, base: Mapping[str, Calendar] | None = None, *, use_numba: bool = False
) -> dict[str, Calendar]:
    """Return the calendars of the expected plan: `base`, or those of the project, less the hours lost to typical weather.

    With `use_numba`, kernels compute the same minutes.
    """
    base = base or project_calendars(project)
    if weather is None:
        return dict(base)
    closed_by_exposure = typical_weather(weather, base[SHIFT], project.scale.start_date, use_numba=use_numba)
    return subtract_by_name(base, _by_exposure(project, closed_by_exposure), use_numba=use_numba)


# --- calendars of a replication ---------------------------------------------------------------------------------------


def calendars_of(
    project: Project,
    weather: WeatherModel,
    base: Mapping[str, Calendar],
    seed: int,
    replication: int,
    days: int | None = None,
    *,
    use_numba: bool = False,
) -> Mapping[str, Calendar]:
    """Return the calendars of a replication by name: those of `base`, in their order, less weather and plant outages.

    A calendar without closures is the one of `base` itself, so that its prepared arrays can be used again.
    If `days` are given, weather is drawn for so many only, and calendars that it may close are `known_until` until then.
    With `use_numba`, kernels compute the same minutes.
    """
    known_until = ALL
    if weather is None or days is None or days >= project.scale.horizon_days:
        days = None
    else:
        known_until = days * DAY
    closed_by_calendar = closures_by_calendar(project, weather, seed, replication, days, use_numba=use_numba)
    return subtract_by_name(base, closed_by_calendar, known_until, use_numba=use_numba)


def subtract_by_name(
    base: Mapping[Name, Calendar],
    closed_by_name: Mapping[Name, Closed],
    known_until: int = ALL,
    *,
    use_numba: bool = False,
) -> dict[Name, Calendar]:
    """Return calendars less the closed minutes of the same name; one without closures, now or later, is the same object."""
    return {
        name: subtract_closures(calendar, closed_by_name[name], known=known_until, use_numba=use_numba)
        if name in closed_by_name and (known_until < ALL or len(closed_by_name[name]))
        else calendar
        for name, calendar in base.items()
    }


def closures_by_calendar(
    project: Project,
    weather: WeatherModel,
    seed: int,
    replication: int,
    days: int | None = None,
    *,
    use_numba: bool = False,
) -> dict[str, Closed]:
    """Return by calendar the closures of a replication: rows (start, end) in any order; weather is drawn for `days`."""
    scale = project.scale
    horizon = days or scale.horizon_days
    weather_closures = closed_intervals(weather, scale.start_date, horizon, seed, replication, use_numba=use_numba)
    return {**plant_outages(project, seed, replication), **_by_exposure(project, weather_closures)}


def _by_exposure(project: Project, closed: Mapping[Exposure, Closed]) -> dict[str, Closed]:
    """Return closures by exposure as closures by calendar: the site's, that of lifts, and named ones."""
    named = {name: closed[exposure] for name, (exposure, _) in _named_calendars(project).items()}
    return {**{f"{SITE}.{exposure}": rows for exposure, rows in closed.items()}, LIFTS: closed["crane"], **named}
