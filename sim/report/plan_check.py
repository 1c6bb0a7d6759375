"""What `sim check` prints: a project's plan before it is simulated, and what looks wrong with it.

Scope and quantities, loads on the road, weather and risks, crews, the critical path without limits, capacity against
load, and the findings of the plan checks, errors first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sim.arguments import checked_arguments
from sim.config.load import ConfigLike
from sim.config.project import Project
from sim.config.sections.display_units import display, in_display_units
from sim.config.sections.risks import Driver, State
from sim.config.sections.weather import REGIONS
from sim.plan.analysis.critical_path import earliest
from sim.plan.analysis.resource_load import loads
from sim.plan.checks import Remark
from sim.plan.checks import check as check_plan
from sim.plan.draws import Inputs
from sim.plan.layout import layout_of
from sim.plan.vocabulary import MINUTES_PER_DAY
from sim.report.formatting import ProjectDates, activity_in_words, day_of_month, ids_in_words, in_words, number
from sim.study.case import Case, prepare_case
from sim.study.crew_planning.crew_plan import CrewChange, crew_changes
from sim.world.project_calendars import SHIFT
from sim.world.roads import LoadClass, load_classes
from sim.world.weather.project_weather import YEARS, lost_days_by_month

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table


# --- conditions -------------------------------------------------------------------------------------------------------


WEATHER: dict[str, str] = {
    "none": "Weather: none; it never rains, freezes or blows.",
    **{
        region: f"Weather: {region.replace('_', ' ').title()}, hourly, from typical years (experiments/west_texas_weather)."
        for region in REGIONS
    },
    "table": "Weather: the stated table of lost days a month.",
}
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MANNING, CHANGES = "people at most", "one crew"
MONTHS_ABREAST = 6
"""Columns of a manning curve that a terminal of 80 columns shows, each with month and year in one line."""
EFFECTS = {"factor": "×", "added_days": "days more", "slip_days": "days late", "lost_weeks": "weeks without"}


def describe_conditions(case: Case) -> Iterator[str]:
    """Yield the class of each load on the road, the weather, and the risk drivers in force."""
    project = case.project
    yield ""
    for system, load in load_classes(project).items():
        yield f"{system} skids are {_class(load)}."
    yield WEATHER.get(project.weather.kind, f"Weather: {project.weather.file}, years drawn anew for every run.")
    drivers = project.risks.active()
    if not drivers:
        yield "Risk drivers: none in force."
        return
    total, effective_ids = len(project.risks.drivers), _effective_drivers(case.plan.inputs)
    yield f"Risk drivers: {len(drivers)} of {total} in force, {project.risks.mode}; chance, and what it does if it happens:"
    yield from (f"  {_driver(driver, state)}" for driver, state in drivers if driver.id in effective_ids)
    without_effect = [driver.name for driver, _ in drivers if driver.id not in effective_ids]
    if without_effect:
        yield f"  without effect, as this project has nothing that they hit: {', '.join(without_effect)}"


def _effective_drivers(inputs: Inputs) -> set[str]:
    """Return the ids of the risk drivers that some duration, date, chance or outage of the plan depends on."""
    delays = np.unique(inputs.delays[inputs.delays >= 0])
    factor_numbers = np.concatenate(
        [inputs.content.ravel(), inputs.losses.ravel(), inputs.delay_losses[delays].ravel()]
    )
    names = (inputs.factors[factor] for factor in np.unique(factor_numbers[factor_numbers >= 0]).tolist())
    return {name.split(".")[1] for name in names if name.startswith("risk.")}


def _weather_days(case: Case) -> Iterator[str]:
    """Yield the working days that the weather costs, by month and exposure, and where a file's rain is from."""
    if case.weather is None:
        return
    if rain_source := getattr(case.weather, "rain_from", ""):
        yield f"Weather file: {rain_source}."
    shift = dict(zip(case.plan.calendars, case.plan.base_calendars, strict=True))[SHIFT]
    working, lost_days = lost_days_by_month(case.weather, shift, case.project.scale.start_date)
    yield f"Days lost to weather by month, mean of {YEARS} years (of {working.sum():.0f} working days in all):"
    yield f"  {'':10}" + "".join(f"{month:>6}" for month in MONTH_NAMES) + "   year"
    for exposure, days in lost_days.items():
        yield f"  {exposure:10}" + "".join(f"{day:6.1f}" for day in days) + f"{days.sum():7.1f}"


def _class(load: LoadClass) -> str:
    """Return the class of a load, and why."""
    because = f": {', '.join(load.because)}" if load.because else ""
    return f"{load.name} loads{because}"


def _driver(driver: Driver, state: State) -> str:
    """Return a risk driver in one line."""
    size = state.size
    range_ = f"{size.low:g} to {size.high:g}" if size.low is not None and size.high is not None else f"{size.planned:g}"
    effect = f"× {range_}" if state.effect == "factor" else f"{range_} {EFFECTS[state.effect]}"
    return f"{100 * state.probability.value:3.0f} %  {driver.name} ({driver.id}): {effect}"


# --- the plan ---------------------------------------------------------------------------------------------------------


MAX_LINKS, MAX_LOADS = 12, 16


@checked_arguments
def check(config: ConfigLike) -> list[Remark]:
    """Return what is wrong with a project's plan or worth a look, errors first; nothing is simulated.

    Each finding has `severity` ("error" or "warning"), `about` (the unit, pool or gate) and `sentence`. A plan with an
    error cannot work or stalls; one without can still stall in a replication. `sim check` prints the same findings.
    Raises ConfigError where the configuration itself is wrong.

    >>> for finding in sim.check(sim.load("configs/hybrid.yaml")):
    ...     print(finding)
    """
    return remarks_of(prepare_case(config))


NEAR_HORIZON = 0.8
"""Share of the calendars' days by which a plan should have all MW online: many runs take a quarter longer."""


def remarks_of(case: Case) -> list[Remark]:
    """Return the findings of the plan checks, and whether many runs of a case will not end before its calendars do."""
    remarks = check_plan(case.plan, case.planned.values)
    days, horizon = case.crew_plan.finish_days, case.project.scale.horizon_days
    if not NEAR_HORIZON * horizon < days < np.inf:
        return remarks
    sentence = (
        f"All MW are planned online on day {days:,.0f}, and the calendars end on day {horizon:,} (scale.horizon_days): "
        "runs that are not done by then stall. Raise scale.horizon_days, and money.horizon_days for what capital costs."
    )
    return [*remarks, Remark("warning", "scale.horizon_days", sentence)]


@in_display_units
def describe_plan(case: Case) -> tuple[Group, bool]:
    """Return (the plan of a case for the console, whether it can work)."""
    from rich.console import Group
    from rich.text import Text

    remarks = remarks_of(case)
    errors = sum(remark.severity == "error" for remark in remarks)
    text = Group(
        Text(case.project.label, style="bold"),
        "\n".join(_project(case.project)),
        _systems(case.project),
        "\n".join(describe_conditions(case)),
        "\n".join(_weather_days(case)),
        "\n".join(_planned_date(case)),
        _crews(case),
        *_manning(case),
        _crew_changes(case),
        "\n".join(_capacity(case)),
        "\n".join(_remarks(remarks, errors, frozenset(case.plan.units) | frozenset(case.plan.pools))),
    )
    return text, errors == 0


def _project(project: Project) -> Iterator[str]:
    """Yield what is built, where it stands and how it is handed over."""
    scale, blocks = project.scale, project.blocks
    phases = f" in {scale.phases} phases" if scale.phases > 1 else ""
    yield (
        f"{scale.capacity_mw:,g} MW gross{phases}: {blocks} block{'s' * (blocks != 1)} of "
        f"{project.block.mw_gross.value:g} MW, decided on {scale.start_date.isoformat()}"
    )
    yield from _halls(project)
    yield f"handed over {project.turnover_blocks} block{'s' * (project.turnover_blocks != 1)} at a time\n"


def _halls(project: Project) -> Iterator[str]:
    """Yield how many halls of which size are built."""
    if not project.shell.steps:
        yield "no halls: every block stands on a pad of its own" if project.pad.steps else "no halls are built"
        return
    hall_sizes = Counter(hall.built_mw for hall in layout_of(project).halls)
    for mw, halls in hall_sizes.items():
        blocks_in_hall, sqft = round(mw / project.block.mw_gross.value), mw * project.hall.sqft_per_mw.value
        area = f"{display().value(sqft, 'sq ft'):,.0f} {display().unit('sq ft')}"
        yield f"{halls} hall{'s' * (halls != 1)} of {blocks_in_hall} blocks, {area} each, built on site"


def _systems(project: Project) -> Table:
    """Return a table of the systems: where each is made, in which numbers, and the rated output of its factories."""
    table = _table("system", "made", "in one block", "in all", "rated output")
    for name, system in project.by_system.items():
        if system.scope == "site":
            table.add_row(
                name, "on site", _counted(len(system.site.steps), "step"), _counted(project.blocks, "block"), ""
            )
            continue
        per_block, factory = system.skid.per_block, system.factory
        slowest = max(station.days.planned for station in factory.stations)
        lines = factory.lines + sum(partner.lines for partner in factory.partners)
        weekly = lines / slowest * len(project.calendars.factory.days)
        in_all = _counted(per_block * project.blocks, "skid")
        table.add_row(
            name,
            "in a factory" if not factory.partners else f"in {1 + len(factory.partners)} factories",
            _counted(per_block, "skid"),
            in_all,
            f"{weekly:.1f} a week, {weekly / per_block:.1f} blocks",
        )
    return table


def _counted(count: int, what: str) -> str:
    """Return a number with its noun: `1 block`, `100 blocks`."""
    return f"{count} {what}{'s' * (count != 1)}"


def _planned_date(case: Case) -> Iterator[str]:
    """Yield which date the crews are planned for, and why."""
    plan, target, limit = case.crew_plan, case.project.scale.target_days, case.project.labour.limit
    yield ""
    yield (
        "At expected durations, in typical weather, without any risk and with as many crews as anybody asks for, all MW are"
        f" online on day {plan.earliest_days:.0f}."
    )
    if limit is not None and plan.manning.peak <= limit:
        yield f"With at most {limit} people on site the earliest date is day {plan.finish_days:.0f}."
    elif limit is not None:
        yield f"No plan was found with at most {limit} people: the fewest, twice as late, are {plan.manning.peak}."
    elif plan.earliest_days > target:
        yield (
            f"No crew keeps the target, day {target:g}: crews are planned for day {plan.planned_for_days:.0f}, a week after"
            " the date that every trade's hours spread over its window keep."
        )
    else:
        yield f"Crews are planned for the target, day {target:g}."
    yield (
        f"The plan keeps day {plan.finish_days:.0f} with {plan.manning.peak} people at the peak;"
        f" {plan.manning.idle_crew_weeks} crew-weeks are idle between work, {plan.manning.rehired_crews} crews go home and"
        f" come back. The window rule has {plan.window_peak} people for day {plan.window_days:.0f}."
    )


def _crews(case: Case) -> Table:
    """Return the crew plan as a table, a row a trade: its window, hours, crews, and most people on site in all shifts."""
    trades, resource_plan = case.project.labour.trades, case.crew_plan.resource_plan
    shifts = len(case.project.pattern.shifts)
    in_shifts = f" in {shifts} shifts" if shifts > 1 else ""
    dates = ProjectDates(case.project.scale.start_date)
    table = _table("trade", "from", "to", "earned hours", "crews", "people at most", "called")
    for window in sorted(case.crew_plan.windows, key=lambda window: window.start):
        mobilisations, trade = resource_plan.mobilisations[window.trade], trades[window.trade]
        entered_note = " (typed in)" if trade.entered_crews is not None else ""
        first, last = (
            round(minute / MINUTES_PER_DAY) for minute in (mobilisations[0].called, mobilisations[-1].called)
        )
        table.add_row(
            window.trade,
            day_of_month(dates.date_of(window.start / MINUTES_PER_DAY)),
            dates.format(window.finish / MINUTES_PER_DAY),
            number(window.earned_hours),
            f"{len(mobilisations)} of {trade.team}{in_shifts}{entered_note}",
            str(len(mobilisations) * trade.team * shifts),
            f"day {first} to {last}",
        )
    return table


def _manning(case: Case) -> Iterator[Table]:
    """Yield tables of the most people on site by trade and month, half a year a table; all shifts, with indirect people."""
    manning, project_start = case.crew_plan.manning, case.project.scale.start_date
    first_week = int((manning.people > 0).argmax())
    weeks = [(project_start + timedelta(weeks=week)) for week in range(manning.manned.shape[1])]
    months = sorted({(day.year, day.month) for day in weeks[first_week:]})
    ratio = 1 + manning.indirect_ratio
    rows = [
        *zip(manning.trades, manning.manned * manning.people_per_crew[:, None] * ratio, strict=True),
        ("all", manning.people),
    ]
    monthly_peak = {
        name: [
            max(heads for day, heads in zip(weeks, people, strict=True) if (day.year, day.month) == month)
            for month in months
        ]
        for name, people in rows
    }
    for start in range(0, len(months), MONTHS_ABREAST):
        columns = slice(start, start + MONTHS_ABREAST)
        table = _table(MANNING, *(f"{date(*month, 1):%b %y}" for month in months[columns]))
        for name, people in monthly_peak.items():
            if any(people[columns]):
                table.add_row(name, *(number(heads) if heads else "" for heads in people[columns]))
        yield table


def _crew_changes(case: Case) -> Table:
    """Return what one crew more or fewer of every trade does to the expected finish and to the peak."""
    table = _table(CHANGES, "more: days", "more: people", "fewer: days", "fewer: people")
    by_trade: dict[str, dict[int, CrewChange]] = {}
    for change in crew_changes(case.project, case.crew_plan, case.weather):
        by_trade.setdefault(change.trade, {})[change.crews] = change
    for trade, by_step in by_trade.items():
        cells = [
            (f"{by_step[step].days:+.0f}", f"{by_step[step].people:+d}") if step in by_step else ("", "")
            for step in (1, -1)
        ]
        table.add_row(trade, *(cell for pair in cells for cell in pair))
    return table


def _capacity(case: Case) -> Iterator[str]:
    """Yield the critical path without limits, and the load of every pool against its capacity, the busiest first."""
    planned = case.planned
    schedule = earliest(case.plan, planned.values, case.planned_calendars, later_values=planned.later_values)
    yield ""
    risks = ", with the time that risks cost in the mean" if case.project.risks.active() else ""
    yield f"Critical path of the expected plan{risks}, if no step ever waited for a crew, a line or a place:"
    for link in schedule.chain[-MAX_LINKS:]:
        start, finish = link.start / MINUTES_PER_DAY, link.finish / MINUTES_PER_DAY
        yield f"  day {start:5.0f} to {finish:5.0f}  {in_words(link.unit)}: {_short_activity(link.activity, link.unit)}"
    yield ""
    yield "Capacity against load:"
    pool_loads = loads(case.plan, case.planned.values, schedule, case.planned_calendars)
    pools = frozenset(case.plan.pools)
    for load in pool_loads[:MAX_LOADS]:
        name, colon, load_text = str(load).partition(":")
        yield f"  {in_words(name) if name in pools else name}{colon}{load_text}"


def _short_activity(activity: str, unit: str) -> str:
    """Return an activity in words, without the network or system that the name of its unit already says."""
    return activity_in_words(activity.removeprefix(f"{unit.partition('.')[0]} "))


def _remarks(remarks: list[Remark], errors: int, ids: frozenset[str]) -> Iterator[str]:
    """Yield the findings of the plan checks, errors first."""
    yield ""
    if not remarks:
        yield "Nothing looks wrong."
    else:
        yield f"{errors} error{'s' * (errors != 1)}, {len(remarks) - errors} to look at:"
        yield from (f"  {remark.severity}: {ids_in_words(remark.sentence, ids)}" for remark in remarks)


def _table(*columns: str) -> Table:
    """Return an empty table whose columns of numbers are aligned to the right."""
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE, pad_edge=False)
    for position, column in enumerate(columns):
        is_number = position and (column in {"earned hours", "people at most"} or columns[0] in {MANNING, CHANGES})
        table.add_column(
            column, justify="right" if is_number else "left", no_wrap=position == 0 or columns[0] == MANNING
        )
    return table
