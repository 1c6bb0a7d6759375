"""The crew plan and the order dates of a project: the same rules for every strategy.

Crews are planned for the target date at expected durations and in typical weather, or, where as many crews as anybody
asks for would not keep it, for a week after the date that crews of the window rule keep. The levelled plan has the
smallest peak that is in time, whose blocks are on the mean at most a week later than by the window rule, and which does not
end later in sixteen replications, so that the peak is bought without losing days where things do not go as expected.

The window rule is the estimator's way to size crews: every trade's hours spread over the time between its earliest
start and its latest finish. It is kept for comparison, and as the place where the levelled plan begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from sim.config.project import Project
from sim.config.sections.labour import Trade
from sim.errors import ConfigError, Problem
from sim.metrics.schedule import NEVER
from sim.plan.compiled_plan import LogColumn
from sim.plan.mechanisms.crews import crews_available, hires_per_week, mean_over_peak
from sim.plan.plan_context import ResourcePlan, people_of_crew
from sim.plan.vocabulary import MINUTES_PER_DAY, MINUTES_PER_HOUR, MINUTES_PER_WEEK, WORK
from sim.study.crew_planning.earned_schedule import progress_reviews
from sim.study.crew_planning.levelling import Aim, Levelled, Levelling
from sim.study.crew_planning.manning import Manning, mobilisations, with_entered_curves
from sim.study.crew_planning.rehearsal import Rehearsal
from sim.study.executors.memory_estimate import give_back_memory
from sim.world.project_calendars import (
    SHIFT,
    day_minutes,
    planned_calendars,
    productive_share,
    reference_productive_share,
)
from sim.world.weather.project_weather import WeatherModel
from sim.world.working_time import Calendar

# --- window rule ------------------------------------------------------------------------------------------------------


INDOORS = "interior"
"""The exposure for which the planner judges a working week."""


@dataclass(frozen=True)
class Window:
    """When a trade is needed: minutes from its first earliest start to its last latest finish, and its hours."""

    trade: str
    start: int
    finish: int
    earned_hours: float


def windows_of_trades(rehearsal: Rehearsal, target: int) -> list[Window]:
    """Return every trade's window, from its first earliest start to its last latest finish.

    Earliest starts are those of the rehearsal, the plan run once without chance and with crews for all that can begin.
    Every block may come online as much later than rehearsed as the last one may for the minute `target`.
    """
    latest_finish = rehearsal.latest_for(target)
    works = rehearsal.rows_of(WORK)
    steps = rehearsal.log[works, LogColumn.STEP]
    windows = []
    for trade_number, trade in enumerate(rehearsal.plan.trades):
        works_of_trade = works[rehearsal.plan.people[steps, trade_number] > 0]
        start = int(rehearsal.log[works_of_trade, LogColumn.DETAIL].min())
        finishes = latest_finish[works_of_trade]
        finishes = finishes[finishes != NEVER]
        # nothing waits for this trade: it may work until the target
        finish = int(finishes.max()) if len(finishes) else target
        windows.append(Window(trade, start, finish, _earned_hours(rehearsal, works_of_trade, trade_number)))
    return windows


def _earned_hours(rehearsal: Rehearsal, works: np.ndarray, trade_number: int) -> float:
    """Return the hours that a trade earns by some works (rows of the log of a rehearsal), each step once."""
    plan, steps = rehearsal.plan, rehearsal.log[works, LogColumn.STEP]
    steps = np.unique(steps[plan.earns[steps]])
    minutes = rehearsal.draws.content[plan.argument_of[steps]]
    return float((minutes * plan.people[steps, trade_number]).sum()) / MINUTES_PER_HOUR


def crews_of_window(project: Project, window: Window, max_crews_at_once: int) -> int:
    """Return a trade's crews: hours × (1 + loss) ÷ (weeks × hours a week × utilisation × shape), whole crews.

    Never fewer than one step takes at once (`max_crews_at_once`); as many as the planner entered, if he did. Hours a week
    are those of all shifts, as a crew has a team in each of them.
    """
    labour = project.labour
    trade = labour.trades[window.trade]
    if trade.entered_crews is not None:
        return max(trade.entered_crews, max_crews_at_once)
    weeks = max(1.0, (window.finish - window.start) / MINUTES_PER_WEEK)
    week_hours = day_minutes(project)[SHIFT] / MINUTES_PER_HOUR * len(project.site_calendar.days)
    hours = window.earned_hours * (1 + labour.planned_loss.value) * _relative_hours(project, trade)
    people = hours / (weeks * week_hours * labour.utilisation.value * mean_over_peak(labour.ramp))
    return max(max_crews_at_once, round(people / trade.team))


def _relative_hours(project: Project, trade: Trade) -> float:
    """Return the ratio of the hours that a trade's work takes in this project to those at reference conditions.

    The planned loss is stated for the reference week (`productivity.stated_for`), as `losses` are; where the project works
    another week, or has other absence and turnover, its planner allows for it in proportion.
    """
    productivity = project.labour.productivity
    if productivity is None:
        return 1 / trade.relative_output
    without_crowding = 1.0 if productivity.crowding is None else 1 - productivity.crowding.in_losses.value
    reference_week = reference_productive_share(project, INDOORS)
    own_week = productive_share(project, project.pattern, INDOORS)
    return productivity.loss_adjustment / without_crowding * reference_week / own_week / trade.relative_output


# --- crew plan --------------------------------------------------------------------------------------------------------


TOLERANCE = MINUTES_PER_WEEK
"""So much later than by the window rule may blocks be online, in exchange for a lower peak: an assumption."""
SETBACK = 2 * MINUTES_PER_DAY
"""So much later than with the crews of the window rule may replications end on the mean: an assumption."""


@dataclass(frozen=True)
class CrewPlan:
    """What was settled before the plan was written, and why.

    `earliest_days` is the expected finish with as many crews as anybody asks for; `planned_for_days` the date the crews
    are planned for, and `finish_days` the one that the rehearsal with them keeps; `window_peak` and `window_days` are
    peak and expected finish of the window rule.
    """

    resource_plan: ResourcePlan
    windows: tuple[Window, ...]
    manning: Manning
    earliest_days: float
    planned_for_days: float
    finish_days: float
    window_peak: int
    window_days: float


def plan_crews(project: Project, weather: WeatherModel = None) -> CrewPlan:
    """Return the crew plan and the order dates of a project, from rehearsals at expected durations in typical `weather`.

    The first, with as many crews as anybody asks for, gives every trade its window and every job its latest finish.
    Many more, with so many crews of each trade from the beginning, give the crew plan. The next, with those crews as
    they come and go, gives every order the latest date that delays nothing. One of the expected plan gives what must be
    done by every review, where the site reacts to a slip.
    """
    stated, project = project, project.with_risks("none")  # crews are not planned for what may not happen
    calendars = planned_calendars(project, weather)
    rehearsal = Rehearsal(project, ResourcePlan(), calendars=calendars)
    earliest = rehearsal.finish
    target = round(project.scale.target_days * MINUTES_PER_DAY)
    windows = windows_of_trades(rehearsal, max(earliest, target))
    window_crews = {
        window.trade: crews_of_window(project, window, rehearsal.max_crews_at_once[window.trade]) for window in windows
    }
    finish_first = project.labour.dispatch == "latest_finish"
    priorities = rehearsal.priorities(max(earliest, target)) if finish_first else {}
    rehearsal.serve_by(priorities)
    entered = [name for name, trade in project.labour.trades.items() if trade.entered_crews is not None]
    give_back_memory()
    search = Levelling(rehearsal, entered, _available(project, rehearsal))
    by_window = search.plan(window_crews)
    latest = max(target, by_window.finish + TOLERANCE) if earliest > target else target
    with_chance = search.with_chance(by_window.crews) + SETBACK if _is_levelled(project) else inf
    aim = Aim(latest, by_window.mean_online + TOLERANCE, with_chance)
    chosen = _chosen(project, search, by_window, aim, earliest)
    del search  # with its runs: the plan of a campus is a hundred megabytes
    rehearsal.end_drawn_runs()
    give_back_memory()
    rehearsal.rerun(chosen.crews)
    hires = {trade: hires_per_week(project, trade) for trade in rehearsal.max_crews_at_once}
    crews = mobilisations(rehearsal, chosen.manning, hires)
    undated = ResourcePlan(chosen.crews, crews, placement_minutes=rehearsal.placement_minutes(), priorities=priorities)
    del rehearsal  # the next rehearsals write another plan
    give_back_memory()
    resource_plan = _with_dates(project, undated, calendars)
    resource_plan = replace(resource_plan, reviews=progress_reviews(stated, resource_plan, calendars))
    curves = {name: trade.crews_by_month for name, trade in project.labour.trades.items() if trade.crews_by_month}
    return CrewPlan(
        resource_plan,
        tuple(windows),
        with_entered_curves(chosen.manning, curves) if curves else chosen.manning,
        earliest_days=earliest / MINUTES_PER_DAY,
        # a limit of people has the date that they can keep
        planned_for_days=(aim.finish if project.labour.limit is None else chosen.finish) / MINUTES_PER_DAY,
        finish_days=chosen.finish / MINUTES_PER_DAY,
        window_peak=by_window.manning.peak,
        window_days=by_window.finish / MINUTES_PER_DAY,
    )


@dataclass(frozen=True)
class CrewChange:
    """What more or fewer crews of a trade do to the rehearsed plan: days added to its finish, people to its peak."""

    trade: str
    crews: int
    days: float
    people: int


def crew_changes(project: Project, plan: CrewPlan, weather: WeatherModel = None) -> list[CrewChange]:
    """Return by trade the days and people that one crew more, and one fewer, adds to the expected finish and the peak."""
    project = project.with_risks("none")
    calendars = planned_calendars(project, weather)
    rehearsal = Rehearsal(project, ResourcePlan(priorities=plan.resource_plan.priorities), calendars=calendars)
    search = Levelling(rehearsal, available=_available(project, rehearsal))
    crews = plan.resource_plan.crews
    base, changes = search.plan(crews), list[CrewChange]()
    for trade, count in crews.items():
        for added in (1, -1):
            if count + added >= search.rehearsal.max_crews_at_once[trade]:
                changed = search.plan({**crews, trade: count + added})
                days = (changed.finish - base.finish) / MINUTES_PER_DAY
                changes.append(CrewChange(trade, added, days, changed.manning.peak - base.manning.peak))
    return changes


def _available(project: Project, rehearsal: Rehearsal) -> dict[str, int]:
    """Return the most crews by trade that the local market limits; ConfigError where one step needs more at once.

    Which crews a step takes is known from the rehearsal, a run of the plan without chance.
    """
    market = {trade: crews_available(project, trade) for trade in rehearsal.max_crews_at_once}
    limited = {trade: crews for trade, crews in market.items() if crews is not None}
    problems = []
    for trade, crews in limited.items():
        stated = project.labour.trades[trade]
        min_crews = max(rehearsal.max_crews_at_once[trade], stated.entered_crews or 0)
        if crews < min_crews:
            people = f"{min_crews * people_of_crew(project, trade)} people of {min_crews} crews"
            message = f"at least the {people} expected, which one step takes or the plan states"
            problems.append(Problem("", 0, 0, f"labour.trades.{trade}.available", f"{stated.available}", message))
    if problems:
        raise ConfigError(problems)
    return limited


def _is_levelled(project: Project) -> bool:
    """Return whether crews are planned for a date, not by the window rule nor for a limit of people."""
    return project.labour.crew_plan == "levelled" and project.labour.limit is None


def _chosen(project: Project, search: Levelling, by_window: Levelled, aim: Aim, earliest: int) -> Levelled:
    """Return the crews by the rule the project asks for."""
    if project.labour.crew_plan == "window":
        return by_window
    if project.labour.limit is not None:
        return search.within(project.labour.limit, earliest, by_window.crews)
    return search.level(aim, by_window.crews)


def _with_dates(project: Project, resource_plan: ResourcePlan, calendars: Mapping[str, Calendar]) -> ResourcePlan:
    """Return the resource plan with dates of orders and days of release, from rehearsals in which its crews come and go."""
    if project.procurement.policy == "just_in_time":
        rehearsal = Rehearsal(project, resource_plan, calendars=calendars)
        order_minutes, placement_minutes = rehearsal.order_minutes(), rehearsal.placement_minutes()
        resource_plan = replace(resource_plan, order_minutes=order_minutes, placement_minutes=placement_minutes)
    if project.orders.policy == "released":
        rehearsal = Rehearsal(project, resource_plan, calendars=calendars)
        resource_plan = replace(resource_plan, release_days=rehearsal.release_days())
    return resource_plan
