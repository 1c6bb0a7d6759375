"""Crews: they are called, travel, are on site whether busy or waiting, and leave when the other crews suffice.

Work by crews has one form everywhere: a step takes its crews together, works, frees them, and reports the hours done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sim.config.project import Project
from sim.config.sections.commissioning import Level
from sim.config.sections.estimates import Estimate
from sim.config.sections.labour import Ramp
from sim.config.sections.systems import Step
from sim.plan.layout import Place
from sim.plan.mechanisms.camp import NO_CAMP, CampBeds, beds_of, write_camp
from sim.plan.mechanisms.logistics import CRANE
from sim.plan.mechanisms.productivity import crowding, losses
from sim.plan.plan_context import Mobilisation, PlanContext, people_of_crew, working_days
from sim.plan.vocabulary import (
    CREW_PATIENCE,
    LEAVING_PRIORITY,
    MINUTES_PER_DAY,
    MINUTES_PER_WEEK,
    Chance,
    Free,
    Hold,
    Jump,
    Label,
    Mode,
    NetLevelCondition,
    Note,
    Plan,
    Route,
    Signal,
    Span,
    UnitInfo,
    Until,
    Wait,
    Work,
    fixed,
)
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import to_distribution
from sim.world.project_calendars import on_calendar
from sim.world.working_time import ALWAYS_OPEN

# --- crew work --------------------------------------------------------------------------------------------------------


SITE = "site."
"""Site calendars are named by exposure: `site.interior`, `site.crane`, …"""


def calendar_of(step: Step) -> str:
    """Return the name of the calendar on which a step of a network works: its own, or the site's for its exposure."""
    return on_calendar(step.exposure, step.calendar)


def crew(trade: str) -> str:
    """Return the pool of a trade's crews."""
    return f"crew.{trade}"


def done(trade: str) -> str:
    """Return the gate whose level is the person-hours that a trade has done."""
    return f"done.{trade}"


def planned_hours(step: Step, sqft: float, mw: float) -> Estimate | None:
    """Return a step's work content in person-hours for an instance of that size, or None if it is given in days."""
    for estimate, size in ((step.hours, 1.0), (step.hours_per_sqft, sqft), (step.hours_per_mw, mw)):
        if estimate is not None:
            return estimate if size == 1.0 else scaled(estimate, size)
    return None


def scaled(estimate: Estimate, size: float) -> Estimate:
    """Return an estimate with all its numbers multiplied by a size."""
    numbers = {key: value * size for key, value in estimate.numbers().items() if isinstance(value, float)}
    return estimate.model_copy(update=numbers)


def step_span(context: PlanContext, step: Step, hours: Estimate | None) -> Span:
    """Return the span of a step's work: its work content over its people, times the first trade's losses; or its days."""
    if hours is None:
        assert step.days is not None  # the config allows nothing else
        return working_days(step.days, context.day_minutes_on(calendar_of(step)))
    people = sum(context.people(step.crews).values())
    content = to_distribution(hours)
    if hours.shape == "fixed":
        content = to_distribution(context.project.labour.content_spread).scaled(hours.planned)
    return Span(content, 60 / people, losses=losses(context, next(iter(step.crews)), step.exposure))


def by_crews(context: PlanContext, place: Place, activity: str, step: Step, span: Span) -> list[PlanStep]:
    """Return the route by which a step's crews (and cranes) are taken together, work, are freed and signal their hours."""
    mode: Mode = "whole" if step.whole else "pausing"
    area = crowding(context, place, step.exposure) if step.crews else None
    work = Work(activity, span, calendar_of(step), mode, context.people(step.crews), area=area)
    pools = {crew(trade): count for trade, count in step.crews.items()} | ({CRANE: step.cranes} if step.cranes else {})
    if not pools:
        return [work]
    return [Hold(pools, place.sequence, CREW_PATIENCE), work, Free(pools), *signal_hours_done(context, work)]


def until_passed(
    context: PlanContext,
    place: Place,
    activity: str,
    crews: Mapping[str, int],
    level: Level,
    *,
    rig: Mapping[str, int] | None = None,
    mended_by: str | None = None,
) -> list[PlanStep]:
    """Return the route of a test by crews, repeated with repairs between while it fails; hours are reported once.

    `rig` are pools taken with the crews. A trade of its own (`mended_by`) repairs with one crew while the others are
    free; the hours that are expected of it are reported at the end, so that its last crew stays until then.
    """
    pools, day = {crew(trade): count for trade, count in crews.items()} | dict(rig or {}), context.site_day_minutes
    test = Work(activity, working_days(level.days, day), f"{SITE}interior", people=context.people(crews))
    repair_crews = {mended_by: 1} if mended_by else crews
    repair_span = working_days(level.fix_days, day)
    people = context.people(repair_crews)
    repair = Work(f"{activity} fix", repair_span, f"{SITE}interior", people=people, earns=False)
    hold = Hold(pools, place.sequence, CREW_PATIENCE)
    after_failure: list[PlanStep] = [repair]
    reports = signal_hours_done(context, test)
    if mended_by:
        repair_pool = {crew(mended_by): 1}
        take_repair_crew = Hold(repair_pool, place.sequence, CREW_PATIENCE)
        after_failure = [Free(pools), take_repair_crew, repair, Free(repair_pool), hold]
        reports += signal_hours_done(context, repair, share=level.fails.value)
    return [
        hold,
        Label(f"{activity} again"),
        test,
        Jump(f"{activity} passed", f"{activity} passes", Chance(level.fails.value, otherwise=True)),
        *after_failure,
        Jump(f"{activity} again", limit=level.retests),
        Label(f"{activity} passed"),
        Free(pools),
        *reports,
    ]


def signal_hours_done(context: PlanContext, *works: Work, share: float = 1.0) -> list[Signal]:
    """Return the signals that add the planned person-hours of works to the gates of their trades; crews leave on these.

    `share` is the probability of the works, where they are repairs that may not be needed.
    """
    hours: dict[str, float] = {}
    for work in works:
        minutes = work.span.shape.planned() * work.span.minutes
        for trade, people in work.people.items():
            hours[trade] = hours.get(trade, 0.0) + share * people * minutes / 60
    return [Signal(context.plan.gate(done(trade)), max(1, round(amount))) for trade, amount in hours.items()]


# --- mobilisation -----------------------------------------------------------------------------------------------------


UNLIMITED = 1_000_000
STANDBY = "standby"
CALLED_BACK = 2 * MINUTES_PER_DAY
"""Minutes for which work waits before a crew that was sent home is called back: an assumption, 1 to 7 days."""


def mobilise_crews(context: PlanContext) -> None:
    """Write the crews of every trade that the plan needs: as units that come and go, or as a plain pool in a rehearsal."""
    trades = context.project.labour.trades
    max_crews_at_once, hours = largest_counts(context.plan.units, trades), reported_hours(context.plan, trades)
    camp_beds = write_camp(context, max_crews_at_once)
    for trade in max_crews_at_once:
        if trade not in context.resource_plan.mobilisations:
            _crew_pool(context, trade, context.resource_plan.crews.get(trade, UNLIMITED))
            continue
        _crew_pool(context, trade, 0)
        idle_leave = IdleLeave(context, trade, max_crews_at_once[trade])
        context.plan.pool(f"hiring.{trade}", hires_per_week(context.project, trade), cause="crew")
        for number, planned in enumerate(context.resource_plan.mobilisations[trade]):
            # the first crews, as many as any step takes at once, stay for all the work of their trade
            to_the_end = number < max_crews_at_once[trade]
            stay = replace(planned, until_hours=hours[trade], until_minute=None) if to_the_end else planned
            route = _crew(context, trade, number + 1, stay, camp_beds.get((trade, number), NO_CAMP), idle_leave)
            context.plan.unit(f"crew.{trade}.{number + 1}", route, UnitInfo("crew", "crew", "", trade, "", number + 1))
        idle_leave.write()


def _crew_pool(context: PlanContext, trade: str, initial: int) -> None:
    """Write the pool of a trade's crews, with so many that are on site from the start."""
    context.plan.pool(crew(trade), initial, "supplied", cause="crew", noun="crews", trade=trade)


def hires_per_week(project: Project, trade: str) -> int:
    """Return the crews of a trade that can be hired in a week, including those on the payroll for rotation."""
    people = people_of_crew(project, trade) * project.labour.payroll(project.pattern)
    return max(1, round(project.labour.trades[trade].hired_per_week.value / people))


def crews_available(project: Project, trade: str) -> int | None:
    """Return the crews of a trade that the local market has; None where it is unlimited."""
    people = project.labour.trades[trade].available
    return None if people is None else people // people_of_crew(project, trade)


def _crew(
    context: PlanContext,
    trade: str,
    crew_number: int,
    first_stay: Mobilisation,
    camp_beds: CampBeds,
    idle_leave: IdleLeave,
) -> list[PlanStep]:
    """Return a crew's route: one stay on site after the other; between them its beds are free for other crews."""
    route = list[PlanStep]()
    for count, stay in enumerate((first_stay, *first_stay.returns), 1):
        suffix = "" if count == 1 else f" {count}"
        route += _call(context, stay, suffix)
        route += arrival(context, trade, camp_beds, suffix)
        route.append(_until_it_may_leave(context, trade, stay, suffix))
        if idle_leave.in_force:
            route += idle_leave.final_departure(f"{crew_number}.{count}", camp_beds)
        else:
            route += departure(context, trade, camp_beds)
    return route


def _until_it_may_leave(context: PlanContext, trade: str, stay: Mobilisation, suffix: str) -> Until | Wait:
    """Return the step in which a crew on site waits until it may leave: for hours its trade has done, or for a date."""
    if stay.until_minute is not None:
        return Until(f"sent home{suffix}", fixed(stay.until_minute), cause="crew")
    return Wait(context.plan.gate(done(trade)), stay.until_hours)


def arrival(
    context: PlanContext, trade: str, camp_beds: CampBeds, suffix: str, *, is_recalled: bool = False, people: int = 0
) -> list[PlanStep]:
    """Return the route by which a crew is given beds, hired (unless `is_recalled`) and inducted, and joins its pool.

    `people` are its direct people, where they are not those of an ordinary crew; `suffix` tells its stays apart.
    """
    induction = fixed(context.project.labour.mobilisation_days.value * context.site_day_minutes)
    wait_for_camp, beds = camp_beds.moving_in()
    hiring = {} if is_recalled else {f"hiring.{trade}": 1}
    return [
        *wait_for_camp,
        *([Hold({**hiring, **beds}, patience=CREW_PATIENCE if beds else None)] if hiring or beds else []),
        Work(f"week of hiring{suffix}", fixed(MINUTES_PER_WEEK), ALWAYS_OPEN),
        *([Free(hiring)] if hiring else []),
        Note("people", trade, people or people_of_crew(context.project, trade)),
        Work(f"induction{suffix}", induction, "site.interior"),
        Free({crew(trade): 1}),
    ]


def departure(context: PlanContext, trade: str, camp_beds: CampBeds, *others: str, people: int = 0) -> list[PlanStep]:
    """Return the route by which a crew leaves when no work waits for it, taking one of each of the other pools as well."""
    hold = Hold({crew(trade): 1, **dict.fromkeys(others, 1)}, priority=LEAVING_PRIORITY)
    return [hold, Note("people", trade, -(people or people_of_crew(context.project, trade))), *camp_beds.moving_out()]


@dataclass(frozen=True)
class IdleLeave:
    """Crews of one trade that have no work for weeks go home, and are called back when work waits for them.

    Crews are alike, so pools count them: `off_site` those that were sent home and are not back at work, `recallable` those
    of them that are not called back yet. A crew that is no longer needed (`departures_due`) is rather one of these than one
    on site; then it has left for good (`departures_made`). The n-th crew is sent home when crews idle on site and off site,
    less those that work waits for, have been n + `crews_kept` for `idle_weeks`, and called back when they are fewer: so the
    last to go is the first to come. `crews_kept` crews are never sent home.
    """

    context: PlanContext
    trade: str
    crews_kept: int

    @property
    def in_force(self) -> bool:
        """Whether crews without work are sent home: by config, where some need not stay and none come by an entered curve."""
        labour, crews = self.context.project.labour, self.context.resource_plan.mobilisations[self.trade]
        return labour.idle_leave and not labour.trades[self.trade].crews_by_month and len(crews) > self.crews_kept

    def write(self) -> None:
        """Write the pools that count a trade's crews off site, and one unit per crew that may be sent home."""
        if not self.in_force:
            return
        for pool in ("recallable", "off_site", "departures_due", "departures_made"):
            self.context.plan.pool(f"{pool}.{self.trade}", 0, "passed", cause="crew", noun="crews")
        camp_beds = NO_CAMP if self.context.project.labour.camp is None else CampBeds(beds_of(self.context, self.trade))
        for number in range(1, len(self.context.resource_plan.mobilisations[self.trade]) - self.crews_kept + 1):
            info = UnitInfo("crew", "crew", "", self.trade, "leave", number)
            self.context.plan.unit(f"leave.{self.trade}.{number}", self._leave_route(number, camp_beds), info)

    def final_departure(self, name: str, camp_beds: CampBeds) -> list[PlanStep]:
        """Return the end of a crew's route: one crew leaves for good, of those sent home if there are any.

        Two units wait for it, one for a crew that was sent home and one for a crew on site; the other waits for ever.
        """
        trade = self.trade
        due_pool, recallable, made_pool = f"departures_due.{trade}", f"recallable.{trade}", f"departures_made.{trade}"
        from_home: list[PlanStep] = [Hold({due_pool: 1, recallable: 1}), *self._standby(-1), Free({made_pool: 1})]
        from_site: list[PlanStep] = [*departure(self.context, trade, camp_beds, due_pool), Free({made_pool: 1})]
        for origin, route in (("away", from_home), ("here", from_site)):
            info = UnitInfo("departure", "crew", "", trade, origin)
            self.context.plan.unit(f"leaving.{trade}.{name}.{origin}", route, info)
        return [Free({due_pool: 1}), Hold({made_pool: 1})]

    def _standby(self, crews: int) -> list[PlanStep]:
        """Return the note by which so many crews more are paid standby, where the project pays it."""
        people = crews * people_of_crew(self.context.project, self.trade)
        return [] if self.context.project.labour.standby is None else [Note(STANDBY, self.trade, people)]

    def _leave_route(self, number: int, camp_beds: CampBeds) -> list[PlanStep]:
        """Return the route of the n-th crew to be sent home, and called back when work waits, again and again."""
        context, trade = self.context, self.trade
        labour, last = context.project.labour, round(context.project.scale.horizon_days * MINUTES_PER_DAY)
        off_site, recallable = f"off_site.{trade}", f"recallable.{trade}"
        # as many as a step takes at once are kept on site, so that work that opens can begin
        pools, threshold = (crew(trade), off_site), number + self.crews_kept
        idle = NetLevelCondition(pools, threshold, labour.idle_weeks * MINUTES_PER_WEEK, last)
        work_waits = NetLevelCondition(pools, threshold, CALLED_BACK, last, below=True)
        *travel_back, join_pool = arrival(context, trade, camp_beds, " again", is_recalled=True)
        return [
            Wait(context.plan.gate(done(trade))),
            Label("on site"),
            Until("without work", fixed(0), cause="crew", net_level=idle),
            *departure(context, trade, camp_beds),
            *self._standby(1),
            Free({off_site: 1, recallable: 1}),
            Until("called back", fixed(0), cause="crew", net_level=work_waits),
            Hold({recallable: 1}),
            *self._standby(-1),
            *travel_back,
            Hold({off_site: 1}),
            join_pool,
            Jump("on site"),
        ]


def _call(context: PlanContext, stay: Mobilisation, suffix: str) -> list[PlanStep]:
    """Return the steps in which a crew waits to be called: for a date, or for progress of the trade before and a delay."""
    if stay.progress is None:
        return [Until(f"called{suffix}", fixed(stay.called))]
    progress_reached = Wait(context.plan.gate(done(stay.progress.trade)), stay.progress.hours)
    return [progress_reached, Work(f"called{suffix}", fixed(stay.progress.minutes), ALWAYS_OPEN)]


def await_permits(context: PlanContext) -> None:
    """Call crews so many minutes after the permits are there, not on a date, where the project says so.

    Crews that are called before the permits are expected keep their date: they must be there when the permits come.
    """
    if context.project.labour.called_by == "date":
        return
    first_phase = context.layout.phases[0]
    expected_permits = round(context.project.scale.preparation_days.planned * MINUTES_PER_DAY)
    for trade, stays in context.resource_plan.mobilisations.items():
        for number, stay in enumerate(stays, 1):
            name = f"crew.{trade}.{number}"
            route = context.plan.units.get(name, ())
            from_entered_curve = context.project.labour.trades[trade].crews_by_month
            if stay.called > expected_permits and route and isinstance(route[0], Until) and not from_entered_curve:
                minutes_after_permits = Work("called", fixed(stay.called - expected_permits), ALWAYS_OPEN)
                context.plan.units[name] = [Wait(f"{first_phase.name}.permitted"), minutes_after_permits, *route[1:]]


def mean_over_peak(ramp: Ramp) -> float:
    """Return the mean headcount of a ramp as a share of its peak: 0.675 for 35 % up, 35 % level, 30 % down."""
    return 1 - ramp.up.value / 2 - ramp.down.value / 2


def largest_counts(units: Mapping[str, Route], trades: Iterable[str]) -> dict[str, int]:
    """Return by trade the largest number of crews that any step takes at once."""
    trade_of, max_counts = {crew(trade): trade for trade in trades}, dict[str, int]()
    for route in units.values():
        for step in route:
            for pool, count in step.pools.items() if isinstance(step, Hold) else ():
                if pool in trade_of:
                    max_counts[trade_of[pool]] = max(max_counts.get(trade_of[pool], 0), count)
    return max_counts


def reported_hours(plan: Plan, trades: Iterable[str]) -> dict[str, int]:
    """Return by trade the person-hours that all units together will signal as done."""
    trade_of, hours = {done(trade): trade for trade in trades}, dict[str, int]()
    for unit, route in plan.units.items():
        for step in route:
            if isinstance(step, Signal) and step.gate in trade_of:
                amount = step.amount * plan.copies.number(unit)
                hours[trade_of[step.gate]] = hours.get(trade_of[step.gate], 0) + amount
    return hours
